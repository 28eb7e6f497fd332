#pragma once

#include <cstddef>

namespace batchnorm {

struct CacheSizes {
  size_t l1;    // bytes of one core's first-level data cache
  size_t l2;    // bytes of one core's second-level cache
  size_t last;  // bytes of the last level
};

// Read from the machine at load time; typical sizes where it does not tell. They decide how work is
// cut, never in which order anything is summed.
const CacheSizes& cache_sizes();

// For tests, while nothing else runs: what would happen on another machine.
void set_cache_sizes(const CacheSizes& sizes);

}  // namespace batchnorm
