// Threads of the WebAssembly module: workers of the host that run other instances of the module on
// the same memory. The first instance starts them through an import.
#pragma once

#include <cstddef>

namespace batchnorm {

// Processors that the host may use. Set before the constructors run.
void set_usable_cpus(size_t count);

// Called on a new worker, on the stack that it was started with. Returns when the thread has been
// idle for a while.
void run_thread(size_t number);

// Called on a worker whose run_thread() has trapped.
void thread_has_trapped();

// Frees the stack of a worker that has ended.
void free_stack(size_t number, void* stack);

// False after a trap of a worker or if one has written beyond the end of its stack. Then nothing in
// the memory can be trusted.
bool threads_are_intact();

// How long a thread waits before it ends. For tests.
void set_idle_nanoseconds(long long duration);

}  // namespace batchnorm
