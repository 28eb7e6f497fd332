#include "plan/program.h"

#include <limits>
#include <vector>

#include "support.h"

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
