#include "plan/executors.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "support.h"
#include "system/threads.h"

using namespace batchnorm;

namespace {

struct Counting : Errand {
  std::atomic<int>* count;
  // An errand ends when this many run at the same time.
  int together;
};

void count(Errand* errand) {
  Counting& counting = *static_cast<Counting*>(errand);
  std::atomic<int>& running = *counting.count;
  // `counting` may be gone as soon as all are counted.
  const int together = counting.together;
  running++;
  while (running < together) yield_thread();
}

// Sends errands and waits for them.
int run(int errands, int together) {
  std::atomic<int> done{0};
  std::vector<Counting> all(static_cast<size_t>(errands));
  for (Counting& each : all) {
    each.run = count;
    each.count = &done;
    each.together = together;
    REQUIRE(send(&each));
  }
  const long long start = nanoseconds();
  while (done < errands) {
    if (nanoseconds() - start > 60'000'000'000) {
      FAIL_CHECK("an errand does not run");
      std::abort();
    }
    yield_thread();
  }
  return done;
}

}  // namespace

TEST_CASE("executors: run every errand once") { CHECK(run(1000, 1) == 1000); }

TEST_CASE("executors: run errands that wait for each other at the same time") {
  CHECK(run(9, 9) == 9);
}

TEST_CASE("executors: a forked child gets its own threads") {
  run(4, 4);
  const pid_t child = fork();
  if (child == 0) _exit(run(4, 4));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 4);
}
