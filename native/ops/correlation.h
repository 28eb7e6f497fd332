// Sliding a set of weights over images: what the forward pass of a convolution does with its input
// and the gradient by the input with that of the output.
#pragma once

#include <algorithm>

#include "kernels.h"
#include "ops/ahead.h"
#include "ops/convolution_band.h"

namespace batchnorm {

// Those of the taps of a sight that have weights.
struct Window {
  size_t first_row, rows;
  size_t first_column, columns;
};

// y[o][r][c] = bias[o] + the sum over channels and the taps (t, u) of a window of weight * the
// input that output (r, c) meets at (t, u).
class Correlation {
 public:
  Correlation(const Kernels& kernels, const Sight& sight, const Window& window,
              const BandLayout& layout, size_t out_channels)
      : kernels_(kernels),
        sight_(sight),
        window_(window),
        layout_(layout),
        out_channels_(out_channels) {}

  // Floats that the packed weights take.
  size_t packed_floats() const;
  // Weights that lie output channel by output channel, each with all taps of every channel.
  void pack_rows(const float* weights, float* packed) const;
  // Weights that lie in another order: weight(o, channel, row tap, column tap), the taps counted
  // within the window.
  template <class Weight>
  void pack(const Weight& weight, float* packed) const;

  // `rows` rows of output from a filled band, to y with y_plane floats from one channel to the
  // next. `ahead` is asked once for each of tiles(rows).
  void compute(const float* band, const float* packed, const float* bias, size_t rows, float* y,
               size_t y_plane, Ahead& ahead) const;
  size_t tiles(size_t rows) const;

 private:
  size_t depth() const { return sight_.channels * window_.rows * window_.columns; }
  size_t offsets_floats() const {
    return whole_lines(saturating_product(depth(), sizeof(size_t) / sizeof(float)));
  }

  void find_offsets(float* packed) const;

  const Kernels& kernels_;
  const Sight& sight_;
  Window window_;
  const BandLayout& layout_;
  size_t out_channels_;
};

template <class Weight>
void Correlation::pack(const Weight& weight, float* packed) const {
  find_offsets(packed);
  packed += offsets_floats();
  const size_t tile_rows = kernels_.convolution_rows;
  for (size_t strip = 0; strip < out_channels_; strip += tile_rows) {
    const size_t present = std::min(tile_rows, out_channels_ - strip);
    for (size_t channel = 0; channel < sight_.channels; channel++) {
      for (size_t row = 0; row < window_.rows; row++) {
        for (size_t column = 0; column < window_.columns; column++, packed += tile_rows) {
          for (size_t i = 0; i < present; i++) packed[i] = weight(strip + i, channel, row, column);
          for (size_t i = present; i < tile_rows; i++) packed[i] = 0.0f;
        }
      }
    }
  }
}

}  // namespace batchnorm
