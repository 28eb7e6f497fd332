// One pool of threads for the whole process, whatever number of workers loads the addon.
//
// Threads start at the first call that wants them, watch for a few microseconds what follows and
// then sleep, and live until the process ends. A caller that finds the pool busy does its work
// alone.
#pragma once

#include <cstddef>

namespace batchnorm {

// Runs one task; `slot` is below the number of threads asked for, and no two tasks that run at the
// same time have the same.
using Task = void (*)(void* context, size_t task, size_t slot);

// Threads that a call may use, the caller's included.
size_t thread_count();

// Sets thread_count(), at least 1 and at most kMaxThreads.
void set_thread_count(size_t count);

constexpr size_t kMaxThreads = 256;

// Elements that each of a call's threads must have to work on: below twice as many, no thread is
// woken.
size_t elements_per_thread();

// Threads that see a job without being woken at this moment: they cost next to nothing to employ.
size_t awake_threads();

// For tests, which want several threads for small sizes, and for measuring what it should be.
void set_elements_per_thread(size_t elements);

// Runs tasks 0 .. tasks - 1 in any order on at most `threads` threads, the caller's included, and
// returns when all have ended. Tasks must not call parallel_for.
void parallel_for(size_t tasks, size_t threads, Task task, void* context);

// The same for a callable object: function(task, slot).
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
