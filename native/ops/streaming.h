// Decides whether an operation bypasses the caches with streaming stores.
#pragma once

#include <cstddef>

#include "kernels.h"
#include "system/cache_size.h"

namespace batchnorm {

// Whether an operation that touches this many bytes should stream its result. A plain store first
// reads the line that it overwrites, and the next operation would find little of such a large
// result in the cache anyway.
inline bool worth_streaming(const Kernels& kernels, size_t bytes) {
  return kernels.has_streaming_stores && bytes > cache_sizes().last / 2;
}

}  // namespace batchnorm
