// Cache sizes of this machine. They decide how work is divided, never the order in which anything
// is summed.
#pragma once

#include <cstddef>

namespace batchnorm {

struct CacheSizes {
  size_t l1;    // bytes of one core's first-level data cache
  size_t l2;    // bytes of one core's second-level cache
  size_t last;  // bytes of the last-level cache
};

// Read from the machine at load time; typical sizes if it does not report them.
const CacheSizes& cache_sizes();

// For tests that imitate another machine. No operation may run at the same time.
void set_cache_sizes(const CacheSizes& sizes);

}  // namespace batchnorm
