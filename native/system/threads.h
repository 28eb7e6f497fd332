// The operating system's mutexes, condition variables, threads and clock, as little of them as the
// pool needs. None is ever destroyed: threads may still wait on them while the process exits.
#pragma once

#include <cstddef>

#if defined(_WIN32)
#include <windows.h>
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
#else
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
#endif
};

class Condition {
 public:
  // Unlocks the mutex while it waits. May return without cause.
  void wait(Mutex& mutex);
  void wake_one();
  void wake_all();

 private:
#if defined(_WIN32)
  CONDITION_VARIABLE condition_ = CONDITION_VARIABLE_INIT;
#else
  pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
#endif
};

// Starts a thread that nobody waits for and that receives no signals; false where the system gives
// no more threads.
bool start_thread(void (*body)(size_t argument), size_t argument);

// Of a clock that nobody sets.
long long nanoseconds();

// For loops that watch a variable: leaves the core to its other thread for a moment.
void pause_processor();

// Calls `handler` in every child process that fork() makes from now on.
void after_fork(void (*handler)());

// Keeps this library in memory until the process ends: Node closes an addon at the exit of the last
// worker that loaded it, and our threads would go on in memory that is gone.
void keep_library();

}  // namespace batchnorm
