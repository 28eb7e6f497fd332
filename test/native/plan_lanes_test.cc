#include "plan/lanes.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "support.h"
#include "system/thread_pool.h"

using namespace batchnorm;

namespace {

// Without a limit, a lost call would keep the test from ending.
template <class Condition>
void wait_until(const char* what, Condition condition) {
  const long long start = nanoseconds();
  while (!condition()) {
    if (nanoseconds() - start > 60'000'000'000) {
      FAIL_CHECK(what);
      std::abort();
    }
    yield_thread();
  }
}

// Steps count themselves and then wait until as many may pass.
struct Gate {
  std::atomic<int> arrived{0}, allowed{0};
};

Gate* g_gate = nullptr;

Outcome wait_at_gate(StepFunction, const Kernels*, const PlannedArguments&) {
  const int mine = ++g_gate->arrived;
  while (g_gate->allowed < mine) yield_thread();
  return Outcome::kDone;
}

// Notes its calls, unless it is told to refuse them.
struct TestChannel : Channel {
  std::mutex guard;
  std::vector<std::pair<double, Outcome>> ended;
  bool accepts = true;
  std::atomic<int> refused{0};

  TestChannel() : Channel{} { report = note; }

  // Kept for ever, because the thread that ended the last call may not have left the mutex yet.
  static TestChannel& make() {
    // Reachable until the end, so that no leak is reported.
    static auto& all = *new std::vector<TestChannel*>;
    all.push_back(new TestChannel);
    return *all.back();
  }

  static bool note(Channel& channel, Call* call) {
    TestChannel& self = static_cast<TestChannel&>(channel);
    if (!self.accepts) {
      self.refused++;
      return false;
    }
    const std::lock_guard<std::mutex> lock(self.guard);
    self.ended.emplace_back(call->id, call->outcome);
    std::free(call);
    return true;
  }
  size_t count() {
    const std::lock_guard<std::mutex> lock(guard);
    return ended.size();
  }
};

// Lanes for calls of two steps.
struct Setup {
  Gate gate;
  Program program;
  TestChannel& channel = TestChannel::make();
  Lanes lanes;

  explicit Setup(size_t count) {
    g_gate = &gate;
    program.compute = wait_at_gate;
    const double numbers[] = {0, 0};
    REQUIRE(program.set_numbers(numbers, 2, 2));
    for (size_t i = 0, position = 0; i < 2; i++) REQUIRE(program.add_step(nullptr, position));
    REQUIRE(lanes.open(channel, std::vector<Memory>(count).data(), count));
  }
  ~Setup() {
    gate.allowed = 1000;
    channel.close();
  }

  void start(double id) {
    Call* call = Call::create(program, {}, {}, id);
    REQUIRE(call != nullptr);
    REQUIRE(lanes.start(call));
  }
  // Whether a waiting call was removed.
  bool stop(double id) {
    Call* call = lanes.stop(id);
    if (call != nullptr) CHECK(call->id == id);
    std::free(call);
    return call != nullptr;
  }
  void arrive(int steps) {
    wait_until("a step does not start", [&] { return gate.arrived >= steps; });
  }
  std::vector<double> finish(size_t calls) {
    gate.allowed = 1000;
    wait_until("a call does not end", [&] { return channel.count() >= calls; });
    std::vector<double> ids;
    for (const auto& each : channel.ended) ids.push_back(each.first);
    return ids;
  }
};

constexpr size_t kOutputs = 8;

// Adds 1 to each value of the call's output, on several threads, and to the arena. Nothing here is
// atomic: ThreadSanitizer sees whether steps and calls of a lane are ordered.
Outcome count_step(StepFunction, const Kernels*, const PlannedArguments& arguments) {
  arguments.of_call[0].data[0] += 1;
  float* const output = arguments.of_call[2].data;
  auto task = [&](size_t index, size_t) { output[index] += 1; };
  parallel_for(kOutputs, 3, task);
  return Outcome::kDone;
}

// A thread that starts and stops calls at random, like a worker of Node.
class Worker {
 public:
  Worker(uint32_t seed, bool closes) : random_(seed), closes_(closes) {
    const double numbers[kSteps] = {};
    REQUIRE(program_.set_numbers(numbers, kSteps, kSteps));
    for (size_t i = 0, position = 0; i < kSteps; i++) {
      REQUIRE(program_.add_step(nullptr, position));
    }
    program_.compute = count_step;
  }

  void run() {
    // Freed as soon as all calls were reported, as by JavaScript.
    Lanes lanes;
    std::vector<Memory> arenas;
    for (float& steps : steps_of_lane_) arenas.push_back({&steps, 1});
    if (!lanes.open(channel_, arenas.data(), arenas.size())) return;
    for (size_t id = 0; id < kCalls; id++) {
      Call* call =
          Call::create(program_, {}, {&outputs_[id * kOutputs], kOutputs}, static_cast<double>(id));
      if (!lanes.start(call)) return;
      started_++;
      if (random_() % 2 == 0) stop(lanes, id - random_() % std::min<size_t>(id + 1, 6));
      wait_until("a call does not end", [&] { return unfinished() < 8; });
    }
    if (closes_) {
      channel_.close();
    } else {
      wait_until("a call does not end", [&] { return unfinished() == 0; });
    }
  }

  void check() {
    CHECK(started_ == kCalls);
    float steps = 0;
    for (size_t id = 0; id < kCalls; id++) {
      for (size_t i = 1; i < kOutputs; i++) CHECK(steps_of(id, i) == steps_of(id, 0));
      steps += steps_of(id, 0);
    }
    CHECK(steps == steps_of_lane_[0] + steps_of_lane_[1]);
    for (size_t id : removed_) CHECK(steps_of(id, 0) == 0);
    for (const auto& each : channel_.ended) {
      CAPTURE(each.first);
      const bool is_whole = steps_of(static_cast<size_t>(each.first), 0) == kSteps;
      CHECK(each.second == (is_whole ? Outcome::kDone : Outcome::kStopped));
    }
    if (!closes_) CHECK(channel_.ended.size() + removed_.size() == kCalls);
  }

 private:
  static constexpr size_t kSteps = 3, kCalls = 200;

  size_t unfinished() { return started_ - removed_.size() - channel_.count(); }
  float steps_of(size_t id, size_t output) const { return outputs_[id * kOutputs + output]; }
  void stop(Lanes& lanes, size_t id) {
    Call* call = lanes.stop(static_cast<double>(id));
    if (call != nullptr) removed_.push_back(id);
    std::free(call);
  }

  std::minstd_rand random_;
  bool closes_;
  Program program_;
  TestChannel& channel_ = TestChannel::make();
  float steps_of_lane_[2] = {};
  std::vector<float> outputs_ = std::vector<float>(kCalls * kOutputs);
  std::vector<size_t> removed_;
  size_t started_ = 0;
};

}  // namespace

TEST_CASE("Lanes: one lane computes calls in the order of their start") {
  Setup test(1);
  for (double id : {1, 2, 3, 4, 5}) test.start(id);
  CHECK(test.finish(5) == std::vector<double>{1, 2, 3, 4, 5});
  for (const auto& each : test.channel.ended) CHECK(each.second == Outcome::kDone);
}

TEST_CASE("Lanes: compute as many calls at the same time as there are lanes") {
  Setup test(3);
  for (double id : {1, 2, 3, 4}) test.start(id);
  test.arrive(3);
  CHECK(test.channel.count() == 0);
  CHECK(test.finish(4).size() == 4);
}

TEST_CASE("Lanes: a running call stops before its next step, and the next call starts") {
  Setup test(1);
  test.start(1);
  test.start(2);
  test.arrive(1);
  CHECK_FALSE(test.stop(1));
  CHECK(test.finish(2) == std::vector<double>{1, 2});
  CHECK(test.channel.ended[0].second == Outcome::kStopped);
  CHECK(test.channel.ended[1].second == Outcome::kDone);
  // One step of the first call, two of the second.
  CHECK(test.gate.arrived == 3);
}

TEST_CASE("Lanes: a waiting call is removed from the front, the middle and the end of the queue") {
  for (double removed : {2, 3, 4}) {
    Setup test(1);
    for (double id : {1, 2, 3, 4}) test.start(id);
    test.arrive(1);
    CHECK(test.stop(removed));
    CHECK_FALSE(test.stop(removed));
    test.start(5);
    std::vector<double> expected;
    for (double id : {1, 2, 3, 4, 5}) {
      if (id != removed) expected.push_back(id);
    }
    CHECK(test.finish(4) == expected);
  }
}

TEST_CASE("Lanes: the only waiting call is removed, and the queue works on") {
  Setup test(1);
  test.start(1);
  test.start(2);
  test.arrive(1);
  CHECK(test.stop(2));
  test.start(3);
  CHECK(test.finish(2) == std::vector<double>{1, 3});
}

TEST_CASE("Lanes: stopping an unknown or ended call does nothing") {
  Setup test(1);
  test.start(1);
  CHECK_FALSE(test.stop(7));
  test.finish(1);
  CHECK_FALSE(test.stop(1));
}

TEST_CASE("Lanes: start again after they were idle") {
  Setup test(1);
  for (size_t round = 1; round <= 20; round++) {
    for (int i = 0; i < 3; i++) test.start(static_cast<double>(round));
    CHECK(test.finish(3 * round).size() == 3 * round);
  }
}

TEST_CASE("Channel: close() stops running and waiting calls and waits for the running step") {
  Setup test(2);
  for (double id : {1, 2, 3, 4, 5}) test.start(id);
  test.arrive(2);
  std::atomic<bool> closed{false};
  std::thread closer([&] {
    test.channel.close();
    closed = true;
  });
  wait_until("close() does not begin", [&] { return test.channel.closing.load(); });
  sleep_nanoseconds(20'000'000);
  CHECK_FALSE(closed);
  test.gate.allowed = 1000;
  closer.join();
  CHECK(closed);
  // No step but the running ones was computed, and no call was reported.
  CHECK(test.gate.arrived == 2);
  CHECK(test.channel.count() == 0);
}

TEST_CASE("Channel: a call that nobody takes over is freed and no longer waited for") {
  Setup test(1);
  test.channel.accepts = false;
  test.start(1);
  test.gate.allowed = 1000;
  wait_until("the call is not reported", [&] { return test.channel.refused > 0; });
  test.channel.close();
  CHECK(test.channel.count() == 0);
}

TEST_CASE("Lanes: several threads start and stop calls of their own lanes, and close or wait") {
  std::vector<Worker*> workers;
  for (uint32_t seed = 1; seed <= 4; seed++) workers.push_back(new Worker(seed, seed % 2 == 0));
  std::vector<std::thread> threads;
  for (Worker* worker : workers) threads.emplace_back([worker] { worker->run(); });
  for (std::thread& thread : threads) thread.join();
  for (Worker* worker : workers) {
    worker->check();
    delete worker;
  }
}
