// The functions of system/ for WebAssembly: one thread, and cache sizes that are typical, because
// an engine does not report them.
#include "system/cache_size.h"
#include "system/thread_pool.h"

namespace batchnorm {

namespace {

CacheSizes sizes = {32 * 1024, 512 * 1024, 8 * 1024 * 1024};
size_t share = 64 * 1024;

}  // namespace

const CacheSizes& cache_sizes() { return sizes; }
void set_cache_sizes(const CacheSizes& other) { sizes = other; }

size_t thread_count() { return 1; }
void set_thread_count(size_t) {}
size_t elements_per_thread() { return share; }
size_t awake_threads() { return 0; }
void set_elements_per_thread(size_t elements) { share = elements; }

void parallel_for(size_t tasks, size_t, Task task, void* context) {
  for (size_t index = 0; index < tasks; index++) task(context, index, 0);
}

}  // namespace batchnorm
