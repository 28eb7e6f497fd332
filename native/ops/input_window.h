// The part of an image that the outputs of a convolution read. It describes the forward pass as
// well as the phases of the input gradient, where dy is the image.
#pragma once

#include <cstddef>

namespace batchnorm {

// The kernel along one axis: output i reads inputs i * stride + first + tap for tap < count.
// `first` is negative if there is padding.
struct KernelAxis {
  size_t count;
  ptrdiff_t first;
};

struct InputWindow {
  size_t channels, rows, columns;  // of the image
  size_t out_rows, out_columns;
  size_t stride;
  KernelAxis row_axis, column_axis;  // at least one tap each
};

}  // namespace batchnorm
