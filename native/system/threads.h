// The operating system's mutexes, condition variables, threads and clock, as far as the pool needs
// them. None is ever destroyed: threads may still wait on them while the process exits.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(_WIN32)
#include <windows.h>
#elif defined(__wasm__)
#include <atomic>
#else
#include <pthread.h>
#endif

namespace batchnorm {

class Mutex {
 public:
  void lock();
  void unlock();

 private:
  friend class Condition;
#if defined(_WIN32)
  SRWLOCK lock_ = SRWLOCK_INIT;
#elif defined(__wasm__)
  std::atomic<int> state_{0};  // 1 while it is locked, 2 if a thread may wait for it
#else
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
#endif
};

class Condition {
 public:
  // Unlocks the mutex while it waits. May wake spuriously. False if it has waited for so long that
  // an idle thread should end, which happens only in WebAssembly.
  bool wait(Mutex& mutex);
  // In WebAssembly, both must be called with the mutex locked.
  void wake_one();
  void wake_all();

 private:
#if defined(_WIN32)
  CONDITION_VARIABLE condition_ = CONDITION_VARIABLE_INIT;
#elif defined(__wasm__)
  std::atomic<int> wakes_{0};
  size_t waiting_ = 0;
#else
  pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
#endif
};

constexpr size_t kStackBytes = 512 * 1024;

// Starts a detached thread that receives no signals; false if the system refuses.
bool start_thread(void (*body)(size_t argument), size_t argument, size_t stack_bytes = kStackBytes);

// Identifies the calling thread; never 0.
uintptr_t current_thread();

// A monotonic clock.
long long nanoseconds();

// For spin loops: yields the core's resources to its other hardware thread for a moment.
void cpu_relax();

// Lets another thread run on this core.
void yield_thread();

void sleep_nanoseconds(long long duration);

// Calls `handler` in every child process created by fork() from now on.
void after_fork(void (*handler)());

// Keeps this library in memory until the process ends. Node unloads an addon when the last worker
// that loaded it exits, and our threads would continue in unmapped memory.
void keep_library();

}  // namespace batchnorm
