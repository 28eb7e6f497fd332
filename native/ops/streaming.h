#pragma once

#include <cstddef>

#include "kernels.h"
#include "system/cache_size.h"

namespace batchnorm {

// Whether an operation that touches so many bytes should stream its result past the caches. A plain
// store first reads the line that it overwrites, and of a result this large the next operation
// would find little in the cache anyway.
inline bool worth_streaming(const Kernels& kernels, size_t bytes) {
  return kernels.has_streaming_stores && bytes > cache_sizes().last / 2;
}

}  // namespace batchnorm
