// The part of an image that the outputs of a convolution read. It describes the forward pass as
// well as the phases of the input gradient, where dy is the image.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace batchnorm {

// The kernel along one axis: output i reads inputs i * stride + first + tap * step for tap < count.
// `first` is negative if there is padding. Inputs whose index has the same remainder modulo the
// stride form a phase; outputs read consecutive inputs of a phase through one tap.
struct KernelAxis {
  size_t count;
  ptrdiff_t first;
  size_t step;
  size_t stride;

  // Taps that are this far apart read the same phase.
  size_t period() const { return step == 1 ? stride : stride / std::gcd(stride, step); }
  // The number of phases that any tap reads.
  size_t phases() const { return std::min(period(), count); }
  // The first input of the phase that `tap` reads, relative to `first`.
  size_t phase_start(size_t tap) const { return tap * step % stride; }
  // How far into its phase a tap begins.
  size_t inputs_before(size_t tap) const { return tap * step / stride; }
  size_t max_inputs_before() const { return inputs_before(count - 1); }
};

struct InputWindow {
  size_t channels, rows, columns;  // of the image
  size_t out_rows, out_columns;
  KernelAxis row_axis, column_axis;  // at least one tap each
};

}  // namespace batchnorm
