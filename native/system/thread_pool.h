// One pool of threads per process, shared by all workers that load the addon, except those of
// own_threads().
//
// Threads start with the first call that needs them and live until the process ends. After a job
// they spin for some microseconds, then sleep. A caller that finds the pool busy works on its own
// thread.
#pragma once

#include <cstddef>

namespace batchnorm {

// Runs one task. `slot` is below the requested number of threads, and tasks that run at the same
// time have different slots.
using Task = void (*)(void* context, size_t task, size_t slot);

// Threads that a call may use, including the caller's.
size_t thread_count();

// Sets thread_count(), at least 1 and at most kMaxThreads.
void set_thread_count(size_t count);

// Gives the calling thread a pool of its own with `count` threads, including itself, so that
// several workers that compute at the same time do not wait for each other's jobs. thread_count()
// and set_thread_count() on this thread then refer to that pool. False if too many threads have
// one.
bool own_threads(size_t count);

// Whether the calling thread has such a pool.
bool owns_threads();

// Releases that pool. Call before the thread ends.
void disown_threads();

constexpr size_t kMaxThreads = 256;

// While it exists, thread_count() is 1 on the thread that made it: whole operations can run as
// tasks.
class OneThread {
 public:
  OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread();

 private:
  // The previous count, or 0 if the thread used the pool of the process.
  size_t count_;
};

// Minimum number of elements per thread: a call with less than twice as many wakes no thread.
size_t elements_per_thread();

// Threads that would notice a job now without being woken, so that using them is nearly free.
size_t awake_threads();

// For tests that need several threads for small sizes, and for tuning.
void set_elements_per_thread(size_t elements);

// Runs tasks 0 .. tasks - 1 in any order on at most `threads` threads, including the caller's, and
// returns when all have ended. Tasks that call parallel_for have to be within OneThread.
void parallel_for(size_t tasks, size_t threads, Task task, void* context);

// The task that mirrors this one among those that a thread starts with in parallel_for(). A thread
// starts with neighboring tasks, the same ones in every job with as many tasks and threads. A
// second job that runs mirrored tasks therefore begins, on every thread, with the data that it
// used last in the first one, which are still in the caches of its core.
size_t mirrored_task(size_t task, size_t tasks, size_t threads);

// Lets the caller of parallel_for() continue after a task on a thread of the process-wide pool
// trapped, which in WebAssembly ends the thread but not the process.
void abandon_job();

// Overload for a callable object: function(task, slot).
template <class Function>
void parallel_for(size_t tasks, size_t threads, Function& function) {
  parallel_for(
      tasks, threads,
      [](void* context, size_t task, size_t slot) {
        (*static_cast<Function*>(context))(task, slot);
      },
      &function);
}

}  // namespace batchnorm
