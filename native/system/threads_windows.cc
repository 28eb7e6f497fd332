#include "system/threads.h"

#if defined(_WIN32)
#include <cstdlib>

namespace batchnorm {

void Mutex::lock() { AcquireSRWLockExclusive(&lock_); }
void Mutex::unlock() { ReleaseSRWLockExclusive(&lock_); }

bool Condition::wait(Mutex& mutex) {
  SleepConditionVariableSRW(&condition_, &mutex.lock_, INFINITE, 0);
  return true;
}
void Condition::wake_one() { WakeConditionVariable(&condition_); }
void Condition::wake_all() { WakeAllConditionVariable(&condition_); }

namespace {

struct Start {
  void (*body)(size_t);
  size_t argument;
};

DWORD WINAPI run(void* argument) {
  const Start start = *static_cast<Start*>(argument);
  std::free(argument);
  start.body(start.argument);
  return 0;
}

}  // namespace

bool start_thread(void (*body)(size_t), size_t argument, size_t stack_bytes) {
  Start* start = static_cast<Start*>(std::malloc(sizeof(Start)));
  if (start == nullptr) return false;
  *start = {body, argument};
  const HANDLE thread =
      CreateThread(nullptr, stack_bytes, run, start, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  if (thread == nullptr) {
    std::free(start);
    return false;
  }
  CloseHandle(thread);
  return true;
}

uintptr_t current_thread() { return GetCurrentThreadId(); }

long long nanoseconds() {
  LARGE_INTEGER now;
  LARGE_INTEGER per_second;
  QueryPerformanceCounter(&now);
  QueryPerformanceFrequency(&per_second);
  // Seconds and remainder separately, because ticks * 1e9 would overflow.
  const long long seconds = now.QuadPart / per_second.QuadPart;
  const long long rest = now.QuadPart % per_second.QuadPart;
  return seconds * 1000000000ll + rest * 1000000000ll / per_second.QuadPart;
}

void cpu_relax() { YieldProcessor(); }

void yield_thread() { SwitchToThread(); }

void sleep_nanoseconds(long long duration) {
  Sleep(static_cast<DWORD>((duration + 999999) / 1000000));
}

void after_fork(void (*)()) {}  // Windows has no fork

void keep_library() {
  HMODULE library = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCWSTR>(&keep_library), &library);
}

}  // namespace batchnorm

#endif
