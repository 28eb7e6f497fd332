// Packs a matrix into the order in which a tile kernel reads it: strips of `width` rows (of A) or
// columns (of B), and within a strip one group of `width` floats per step of the depth. Strips at
// the edge are padded with zeros. Used for matrix multiplication and convolution.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace batchnorm {

// A strided view: element (i, k) is data[i * outer + k * inner]. One of the strides is 1; swapping
// them transposes the matrix.
struct MatrixView {
  const float* data;
  size_t outer;
  size_t inner;
};

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define BATCHNORM_HAS_SHUFFLES 1
#endif
#endif

// to[k * width + i] = from[i * stride + k] for i, k < 4.
inline void transpose_4x4(const float* from, size_t stride, float* to, size_t width) {
#if BATCHNORM_HAS_SHUFFLES
  // Every 64-bit processor has registers of four floats, so this needs no ISA-specific code.
  typedef float Four __attribute__((vector_size(16)));
  Four row[4];
  for (size_t i = 0; i < 4; i++) std::memcpy(&row[i], from + i * stride, sizeof(Four));
  const Four low01 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const Four low23 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const Four high23 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  const Four column[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                          __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                          __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                          __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
  for (size_t k = 0; k < 4; k++) std::memcpy(to + k * width, &column[k], sizeof(Four));
#else
  for (size_t i = 0; i < 4; i++) {
    for (size_t k = 0; k < 4; k++) to[k * width + i] = from[i * stride + k];
  }
#endif
}

// Packs a strip of `present` rows that are `stride` floats apart.
inline void pack_rows(const float* from, size_t stride, size_t present, size_t depth, size_t width,
                      float* packed) {
  size_t k = 0;
  if (present >= 4) {
    for (; k + 4 <= depth; k += 4) {
      float* to = packed + k * width;
      size_t i = 0;
      for (; i + 4 <= present; i += 4) transpose_4x4(from + i * stride + k, stride, to + i, width);
      // The last four rows overlap those before them.
      if (i < present) {
        i = present - 4;
        transpose_4x4(from + i * stride + k, stride, to + i, width);
      }
    }
  }
  for (; k < depth; k++) {
    for (size_t i = 0; i < present; i++) packed[k * width + i] = from[i * stride + k];
  }
}

// Copies a strip of contiguous groups that are `stride` floats apart. The constant size lets the
// compiler copy a group through registers.
template <size_t kPresent>
void copy_groups(const float* from, size_t stride, size_t depth, size_t width, float* packed) {
  for (size_t k = 0; k < depth; k++) {
    std::memcpy(packed + k * width, from + k * stride, kPresent * sizeof(float));
  }
}

// Packs a strip of groups of `present` floats that are `stride` floats apart; the sizes that tile
// kernels use have a loop of their own.
inline void pack_groups(const float* from, size_t stride, size_t present, size_t depth,
                        size_t width, float* packed) {
  switch (present) {
    case 6:
      return copy_groups<6>(from, stride, depth, width, packed);
    case 8:
      return copy_groups<8>(from, stride, depth, width, packed);
    case 16:
      return copy_groups<16>(from, stride, depth, width, packed);
    default:
      for (size_t k = 0; k < depth; k++) {
        for (size_t i = 0; i < present; i++) packed[k * width + i] = from[k * stride + i];
      }
  }
}

// Packs elements (i, k), i < count, k < depth. `packed` holds count, rounded up to width, times
// depth floats.
inline void pack_strips(const MatrixView& view, size_t count, size_t depth, size_t width,
                        float* packed) {
  for (size_t strip = 0; strip < count; strip += width, packed += width * depth) {
    const size_t present = std::min(width, count - strip);
    const float* from = view.data + strip * view.outer;
    if (present < width) std::memset(packed, 0, width * depth * sizeof(float));
    if (view.outer == 1) {
      pack_groups(from, view.inner, present, depth, width, packed);
    } else {
      pack_rows(from, view.outer, present, depth, width, packed);
    }
  }
}

}  // namespace batchnorm
