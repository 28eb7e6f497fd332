// Packing of a matrix into the order in which the tile kernel reads it: strips of `width` rows (of
// A) or columns (of B), within a strip one group of `width` floats per step of the depth. What a
// strip lacks at the edge is zero.
#pragma once

#include <algorithm>
#include <cstddef>

namespace batchnorm {

// A matrix seen through strides: element (i, k) at data[i * outer + k * inner], so that a
// transposed matrix costs nothing but other strides.
struct MatrixView {
  const float* data;
  size_t outer;
  size_t inner;
};

// Elements (i, k) for i < count, k < depth; `packed` has room for count rounded up to width, times
// depth.
inline void pack_strips(const MatrixView& view, size_t count, size_t depth, size_t width,
                        float* packed) {
  for (size_t strip = 0; strip < count; strip += width) {
    const size_t present = std::min(width, count - strip);
    const float* source = view.data + strip * view.outer;
    for (size_t k = 0; k < depth; k++, packed += width) {
      for (size_t i = 0; i < present; i++) packed[i] = source[i * view.outer + k * view.inner];
      for (size_t i = present; i < width; i++) packed[i] = 0.0f;
    }
  }
}

}  // namespace batchnorm
