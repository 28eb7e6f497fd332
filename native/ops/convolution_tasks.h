// How a convolution is cut: one task computes some rows of one image's output.
#pragma once

#include <algorithm>
#include <cstddef>

#include "ops/convolution.h"
#include "ops/convolution_band.h"
#include "ops/parallel.h"
#include "system/cache_size.h"

namespace batchnorm {

inline size_t ceil_divide(size_t n, size_t divisor) { return (n + divisor - 1) / divisor; }

// Threads for a convolution; eight multiplications and additions are one element.
inline size_t threads_of(const ConvolutionShape& shape) {
  const size_t work = saturating_product(shape.images * shape.out_plane(),
                                         shape.out_channels * shape.in_channels * shape.taps());
  return threads_for(work / 8);
}

// Whether tensors of so many floats come from beyond the second-level cache: asking for them ahead
// of time then costs less than waiting.
inline bool is_far(size_t floats) { return floats > cache_sizes().l2 / 2 / sizeof(float); }

// Rows of output that are computed at a time: as many as have a band that stays in the second-level
// cache, fewer where threads would be idle.
inline size_t rows_at_a_time(const Sight& sight, size_t images, size_t threads) {
  constexpr size_t kFloats = 32 * 1024;
  constexpr size_t kTasksPerThread = 4;
  const size_t phases = std::min(sight.stride, sight.row_taps.count) *
                        std::min(sight.stride, sight.column_taps.count);
  const size_t row_floats = saturating_product(
      sight.channels * phases, sight.out_columns + sight.column_taps.count / sight.stride);
  const size_t fitting = std::max<size_t>(1, kFloats / std::max<size_t>(1, row_floats));
  size_t bands = ceil_divide(sight.out_rows, fitting);
  if (threads > 1) bands = std::max(bands, ceil_divide(threads * kTasksPerThread, images));
  return ceil_divide(sight.out_rows, std::min(bands, sight.out_rows));
}

}  // namespace batchnorm
