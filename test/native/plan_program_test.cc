#include "plan/program.h"

#include <limits>
#include <vector>

#include "support.h"
#include "system/thread_pool.h"

using namespace batchnorm;

namespace {

struct Recording {
  std::vector<std::vector<double>> arguments;
  std::vector<StepFunction> functions;
  const PlannedArguments* last = nullptr;
  std::atomic<bool>* set_by_first_step = nullptr;
  Outcome outcome_of_second_step = Outcome::kDone;
};

Recording* g_recording = nullptr;

void first() {}
void second() {}

Outcome record(StepFunction function, const Kernels*, const PlannedArguments& arguments) {
  g_recording->functions.push_back(function);
  g_recording->arguments.emplace_back(arguments.next, arguments.end);
  if (g_recording->set_by_first_step != nullptr) *g_recording->set_by_first_step = true;
  return g_recording->functions.size() == 2 ? g_recording->outcome_of_second_step : Outcome::kDone;
}

// Steps with the arguments 1 2 3, none, and 4.
struct ThreeSteps {
  Program program;
  Recording recording;
  CallMemories memories = {};

  ThreeSteps() {
    g_recording = &recording;
    program.compute = record;
    const double numbers[] = {3, 1, 2, 3, 0, 1, 4};
    REQUIRE(program.set_numbers(numbers, 7, 3));
    size_t position = 0;
    for (StepFunction each : {first, second, first}) REQUIRE(program.add_step(each, position));
    CHECK(position == 7);
  }
};

}  // namespace

TEST_CASE("Program: runs its steps in order, each with its own arguments") {
  ThreeSteps test;
  CHECK(test.program.run(test.memories, nullptr, nullptr) == Outcome::kDone);
  CHECK(test.recording.functions == std::vector<StepFunction>{first, second, first});
  CHECK(test.recording.arguments == std::vector<std::vector<double>>{{1, 2, 3}, {}, {4}});
}

TEST_CASE("Program: ends with the first step that fails") {
  for (Outcome outcome : {Outcome::kOutOfMemory, Outcome::kInvalid}) {
    ThreeSteps test;
    test.recording.outcome_of_second_step = outcome;
    CHECK(test.program.run(test.memories, nullptr, nullptr) == outcome);
    CHECK(test.recording.functions.size() == 2);
  }
}

TEST_CASE("Program: stops before the next step once either flag is set") {
  for (bool closes : {false, true}) {
    ThreeSteps test;
    std::atomic<bool> stopped{false}, closing{false};
    test.recording.set_by_first_step = closes ? &closing : &stopped;
    CHECK(test.program.run(test.memories, &stopped, &closing) == Outcome::kStopped);
    CHECK(test.recording.functions.size() == 1);
  }
}

TEST_CASE("Program: refuses steps whose numbers do not exist") {
  const auto accepts = [](std::vector<double> numbers, size_t steps) {
    Program program;
    REQUIRE(program.set_numbers(numbers.data(), numbers.size(), steps));
    size_t position = 0;
    for (size_t i = 0; i < steps; i++) {
      if (!program.add_step(first, position)) return false;
    }
    return true;
  };
  CHECK(accepts({2, 1, 1}, 1));
  CHECK(accepts({0, 0}, 2));
  CHECK_FALSE(accepts({}, 1));
  CHECK_FALSE(accepts({0}, 2));
  CHECK_FALSE(accepts({3, 1, 1}, 1));
  CHECK_FALSE(accepts({-1, 1}, 1));
  CHECK_FALSE(accepts({std::numeric_limits<double>::quiet_NaN(), 1}, 1));
  CHECK_FALSE(accepts({std::numeric_limits<double>::infinity(), 1}, 1));
}

TEST_CASE("Program: refuses more steps than it was made for") {
  Program program;
  const double numbers[] = {0, 0};
  REQUIRE(program.set_numbers(numbers, 2, 1));
  size_t position = 0;
  CHECK(program.add_step(first, position));
  CHECK_FALSE(program.add_step(first, position));
}

namespace {

std::atomic<int> g_calls{0};
std::atomic<bool>* g_stops_call = nullptr;  // set by the third call

// Writes one more than each value of the part's input to its arena, and twice that to its output.
Outcome compute_part(StepFunction, const Kernels*, const PlannedArguments& arguments) {
  const Memory arena = arguments.of_call[0], input = arguments.of_call[1],
               output = arguments.of_call[2];
  const int call = ++g_calls;
  if (call == 3 && g_stops_call != nullptr) *g_stops_call = true;
  for (size_t i = 0; i < input.length; i++) arena.data[i] = input.data[i] + 1;
  for (size_t i = 0; i < output.length; i++) output.data[i] = 2 * arena.data[2 * i];
  return call == 4 && g_stops_call == nullptr ? Outcome::kOutOfMemory : Outcome::kDone;
}

// Parts of four values, whose results are two, and a rest of two values.
struct Divided {
  Program program, rest;
  std::vector<float> arena, input, output;

  Divided(size_t parts, size_t arenas)
      : arena(4 * arenas), input(4 * parts + 2), output(2 * parts + 1) {
    for (Program* each : {&program, &rest}) {
      each->compute = compute_part;
      const double numbers[] = {0};
      REQUIRE(each->set_numbers(numbers, 1, 1));
      size_t position = 0;
      REQUIRE(each->add_step(first, position));
    }
    program.division = {parts, 4, 4, 2};
    program.rest = &rest;
    for (size_t i = 0; i < input.size(); i++) input[i] = static_cast<float>(i);
    g_calls = -1000;
    g_stops_call = nullptr;
  }

  Outcome run(const std::atomic<bool>* stopped = nullptr) {
    const CallMemories memories = {
        {arena.data(), arena.size()}, {input.data(), input.size()}, {output.data(), output.size()}};
    return program.run(memories, stopped, nullptr);
  }
};

}  // namespace

TEST_CASE("Program: runs every part and the rest, on one or several threads") {
  const size_t before = thread_count();
  for (size_t threads : {1, 2, 3}) {
    set_thread_count(threads);
    for (size_t parts : {1, 2, 7, 8}) {
      for (size_t arenas : {1, 2, 9}) {
        Divided test(parts, arenas);
        CHECK(test.run() == Outcome::kDone);
        CHECK(g_calls == -1000 + static_cast<int>(parts) + 1);
        for (size_t i = 0; i < test.output.size(); i++) {
          CHECK(test.output[i] == 2 * (static_cast<float>(2 * i) + 1));
        }
      }
    }
  }
  set_thread_count(before);
}

TEST_CASE("Program: a part that fails or is stopped ends the run") {
  const size_t before = thread_count();
  for (size_t threads : {1, 3}) {
    set_thread_count(threads);
    Divided failing(50, 3);
    g_calls = 0;
    CHECK(failing.run() == Outcome::kOutOfMemory);
    CHECK(g_calls < 51);
    Divided stopping(50, 3);
    std::atomic<bool> stopped{false};
    g_calls = 0;
    g_stops_call = &stopped;
    CHECK(stopping.run(&stopped) == Outcome::kStopped);
    CHECK(g_calls < 51);
  }
  set_thread_count(before);
}

TEST_CASE("Program: refuses memory that is too small for its parts") {
  for (size_t short_memory : {0, 1, 2}) {
    Divided test(3, 1);
    std::vector<float>* const all[] = {&test.arena, &test.input, &test.output};
    all[short_memory]->resize(3);
    CHECK(test.run() == Outcome::kInvalid);
    CHECK(g_calls == -1000);
  }
}
