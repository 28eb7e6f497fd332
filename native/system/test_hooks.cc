#include "system/test_hooks.h"

#if defined(BATCHNORM_TEST_HOOKS)

#include <atomic>

#include "system/threads.h"

namespace batchnorm {

namespace {

std::atomic<size_t> g_attempts{0};
std::atomic<size_t> g_failing{0};
std::atomic<bool> g_and_all_after{false};
std::atomic<size_t> g_hanging{0};

[[noreturn]] void hang() {
  Mutex mutex;
  Condition never;
  mutex.lock();
  for (;;) never.wait(mutex);
}

}  // namespace

bool fails_here() {
  const size_t number = ++g_attempts;
  if (number == g_hanging) hang();
  const size_t failing = g_failing;
  return failing != 0 && (number == failing || (g_and_all_after && number > failing));
}

void fail_attempt(size_t number, bool and_all_after) {
  g_and_all_after = and_all_after;
  g_failing = number;
  g_attempts = 0;
}

void hang_at_attempt(size_t number) {
  g_hanging = number;
  g_attempts = 0;
}

size_t attempts() { return g_attempts; }

}  // namespace batchnorm

#endif
