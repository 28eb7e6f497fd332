// Phases of the input gradient of a strided convolution. A phase consists of the inputs in every
// stride-th row (or column), which are all multiplied with the same kernel taps. Their gradient is
// therefore a stride-1 correlation of dy with these taps flipped.
#pragma once

#include <algorithm>
#include <cstddef>

#include "ops/convolution.h"
#include "ops/input_window.h"
#include "ops/sizes.h"

namespace batchnorm {

// Along one axis, the inputs phase, phase + stride, ...
struct GradientPhase {
  GradientPhase(size_t phase, size_t size, const ConvolutionShape& shape)
      : count(ceil_divide(size - phase, shape.stride)),
        first_tap((phase + shape.padding) % shape.stride),
        taps(first_tap < shape.kernel ? ceil_divide(shape.kernel - first_tap, shape.stride) : 0),
        stride(shape.stride),
        // With shift = (phase + padding) / stride, kernel tap first_tap + t * stride multiplies
        // input j of the phase with dy[j + shift - t]. Flipped tap u is t = taps - 1 - u.
        first(static_cast<ptrdiff_t>((phase + shape.padding) / shape.stride) -
              static_cast<ptrdiff_t>(taps) + 1) {}

  ptrdiff_t end() const { return first + static_cast<ptrdiff_t>(taps); }
  size_t kernel_tap(size_t flipped_tap) const {
    return first_tap + (taps - 1 - flipped_tap) * stride;
  }

  size_t count;
  size_t first_tap, taps;
  size_t stride;
  ptrdiff_t first;  // the row of dy that flipped tap 0 multiplies for input 0
};

// The union of the rows of dy that the phases of an axis read.
inline KernelAxis joint_axis(size_t phases, size_t size, const ConvolutionShape& shape) {
  bool found = false;
  ptrdiff_t first = 0;
  ptrdiff_t end = 1;
  for (size_t i = 0; i < phases; i++) {
    const GradientPhase phase(i, size, shape);
    if (phase.taps == 0) continue;
    first = found ? std::min(first, phase.first) : phase.first;
    end = found ? std::max(end, phase.end()) : phase.end();
    found = true;
  }
  return {static_cast<size_t>(end - first), first};
}

// Builds a row of dx from the rows of two column phases. A kernel with one column contributes to
// only one of them.
inline void interleave_two(const float* even, const float* odd, bool has_even, bool has_odd,
                           size_t width, float* dx) {
  const size_t pairs = width / 2;
  if (has_even && has_odd) {
    for (size_t i = 0; i < pairs; i++) {
      dx[2 * i] = even[i];
      dx[2 * i + 1] = odd[i];
    }
  } else if (has_even) {
    for (size_t i = 0; i < pairs; i++) {
      dx[2 * i] = even[i];
      dx[2 * i + 1] = 0.0f;
    }
  } else {
    for (size_t i = 0; i < pairs; i++) {
      dx[2 * i] = 0.0f;
      dx[2 * i + 1] = odd[i];
    }
  }
  if (width % 2 == 1) dx[width - 1] = has_even ? even[pairs] : 0.0f;
}

}  // namespace batchnorm
