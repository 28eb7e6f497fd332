// Copies between dense arrays that are described by sizes and strides: the data movement of
// permute and transpose.
#pragma once

#include <cstddef>

namespace batchnorm {

// Element (i0, ..., i4) is at i0 * stride[0] + ... + i4 * stride[4]. Unused axes have size 1.
struct StridedCopy {
  static constexpr size_t kAxes = 5;
  size_t size[kAxes];
  size_t x_stride[kAxes];
  size_t y_stride[kAxes];
};

// y[i0, ..., i4] = x[i0, ..., i4]. x and y must not overlap, and no two elements of y may coincide.
// A stride of 0 in x repeats its elements.
void strided_copy(const float* x, float* y, const StridedCopy& copy);

}  // namespace batchnorm
