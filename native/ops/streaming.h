#pragma once

#include <cstddef>

#include "kernels.h"
#include "system/cache_size.h"

namespace batchnorm {

// Whether the result of an operation that touches so many bytes is better written past the caches:
// a plain store first reads the line that it overwrites, and the next operation would find little
// of the result there.
inline bool worth_streaming(const Kernels& kernels, size_t bytes) {
  return kernels.has_streaming_stores && bytes > cache_sizes().last / 2;
}

}  // namespace batchnorm
