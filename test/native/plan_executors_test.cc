#include "plan/executors.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "support.h"
#include "system/threads.h"

using namespace batchnorm;

namespace {

// Counts of begun and ended errands. The errands wait for each other.
struct Counts {
  std::atomic<int> begun{0}, ended{0};
  // An errand ends when this many have begun.
  int together;
};

struct Counting : Errand {
  Counts* counts;
};

void count(Errand* errand) {
  Counts& counts = *static_cast<Counting*>(errand)->counts;
  counts.begun++;
  while (counts.begun < counts.together) yield_thread();
  // The last access: the caller may return now.
  counts.ended++;
}

// Sends errands and waits for them.
int run(int errands, int together) {
  Counts counts;
  counts.together = together;
  std::vector<Counting> all(static_cast<size_t>(errands));
  for (Counting& each : all) {
    each.run = count;
    each.counts = &counts;
    REQUIRE(send(&each));
  }
  const long long start = nanoseconds();
  while (counts.ended < errands) {
    if (nanoseconds() - start > 60'000'000'000) {
      FAIL_CHECK("an errand does not run");
      std::abort();
    }
    yield_thread();
  }
  return counts.ended;
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
