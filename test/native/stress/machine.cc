#include "stress/machine.h"

#include "system/cache_size.h"
#include "system/thread_pool.h"

namespace stress {

namespace {

const batchnorm::CacheSizes g_here = batchnorm::cache_sizes();

}  // namespace

void set_plain_machine() {
  batchnorm::set_cache_sizes(g_here);
  batchnorm::set_thread_count(1);
}

void set_machine(Choices& choices) {
  // The first has groups of one channel and streams all results, the second neither.
  const batchnorm::CacheSizes machines[] = {{16 << 10, 32 << 10, 0}, {1 << 16, 8 << 20, 1 << 30}};
  batchnorm::set_cache_sizes(machines[choices.below(2)]);
  size_t threads = 1 + choices.below(6);
#if defined(__wasm__)
  // Engines choose the sign and the payload of a NaN for each instruction, and the division among
  // threads decides whether that of a vector or that of a single value computes an element.
  threads = 1;
#endif
  batchnorm::set_thread_count(threads);
  batchnorm::set_elements_per_thread(size_t{1} << (6 + choices.below(8)));
}

}  // namespace stress
