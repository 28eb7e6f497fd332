// Sliding a set of weights over images: what the forward pass of a convolution does with its input
// and the gradient by the input with that of the output.
#pragma once

#include "kernels.h"
#include "ops/convolution_band.h"

namespace batchnorm {

// y[o][r][c] = bias[o] + the sum over channels and taps of weight * x[channel][r * stride +
// row_taps.first + t][c * stride + column_taps.first + u], x being zero outside of the image.
struct Correlation {
  size_t channels, rows, columns;
  size_t out_channels, out_rows, out_columns;
  size_t stride;
  Taps row_taps, column_taps;  // at least one tap each

  size_t taps() const { return row_taps.count * column_taps.count; }
  size_t depth() const { return channels * taps(); }
};

// Working memory of one thread, and the computation of bands of output rows with it.
class Correlator {
 public:
  Correlator(const Kernels& kernels, const Correlation& shape, size_t band_rows);

  // Floats that `packed` of pack_weights must have room for.
  size_t weights_floats() const;
  // weight(o, k) for k < depth, k being (channel, row tap, column tap).
  template <class Weight>
  void pack_weights(const Weight& weight, float* packed) const {
    for (size_t strip = 0; strip < shape_.out_channels; strip += kernels_.convolution_rows) {
      for (size_t k = 0; k < shape_.depth(); k++) {
        for (size_t i = 0; i < kernels_.convolution_rows; i++) {
          *packed++ = strip + i < shape_.out_channels ? weight(strip + i, k) : 0.0f;
        }
      }
    }
  }

  // Floats of working memory of each thread, a multiple of a cache line; SIZE_MAX where that
  // overflows.
  size_t scratch_floats() const;

  // Rows [first, first + rows) of the output of one image, rows <= band_rows, to y with y_plane
  // floats from one channel to the next, where the first of these rows is at y.
  void compute(const float* image, const float* packed_weights, const float* bias, size_t first,
               size_t rows, float* scratch, float* y, size_t y_plane) const;

 private:
  struct Run;
  size_t offsets_floats() const;
  size_t band_floats() const;

  const Kernels& kernels_;
  Correlation shape_;
  BandLayout layout_;
  size_t band_rows_;
};

}  // namespace batchnorm
