#include "system/test_hooks.h"

#if defined(BATCHNORM_TEST_HOOKS)

#include <atomic>

namespace batchnorm {

namespace {

std::atomic<size_t> g_attempts{0};
std::atomic<size_t> g_failing{0};
std::atomic<bool> g_and_all_after{false};

}  // namespace

bool fails_here() {
  const size_t number = ++g_attempts;
  const size_t failing = g_failing;
  return failing != 0 && (number == failing || (g_and_all_after && number > failing));
}

void fail_attempt(size_t number, bool and_all_after) {
  g_and_all_after = and_all_after;
  g_failing = number;
  g_attempts = 0;
}

size_t attempts() { return g_attempts; }

}  // namespace batchnorm

#endif
