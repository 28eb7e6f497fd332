// Cross-correlation of images with a set of weights. The forward pass of a convolution applies it
// to x, the input gradient to dy.
#pragma once

#include <algorithm>

#include "kernels.h"
#include "ops/patch_layout.h"
#include "ops/prefetch.h"
#include "ops/sizes.h"

namespace batchnorm {

// The part of a window's kernel that has weights: rows x columns taps beginning at (first_row,
// first_column).
struct KernelSlice {
  size_t first_row, rows;
  size_t first_column, columns;
};

// y[o][r][c] = bias[o] + sum over channels and the slice's taps (t, u) of weight * the input that
// output (r, c) reads at (t, u).
class Correlation {
 public:
  Correlation(const Kernels& kernels, const InputWindow& window, const KernelSlice& slice,
              const PatchLayout& layout, size_t out_channels)
      : kernels_(kernels),
        window_(window),
        slice_(slice),
        layout_(layout),
        out_channels_(out_channels) {}

  // Size of the packed weights and their offsets.
  size_t packed_floats() const;
  // Packs weights stored as out_channels x channels x taps.
  void pack_rows(const float* weights, float* packed) const;
  // Packs weights stored in another order: weight(o, channel, row tap, column tap) returns one of
  // them, with taps counted within the slice.
  template <class Weight>
  void pack(const Weight& weight, float* packed) const;

  // Computes `rows` rows of output from a filled band; channels of y are y_plane floats apart.
  // Calls prefetch.advance() tiles(rows) times.
  void compute(const float* band, const float* packed, const float* bias, size_t rows, float* y,
               size_t y_plane, Prefetch& prefetch) const;
  size_t tiles(size_t rows) const;

 private:
  size_t depth() const { return window_.channels * slice_.rows * slice_.columns; }
  size_t offsets_floats() const {
    return whole_lines(saturating_product(depth(), sizeof(size_t) / sizeof(float)));
  }

  void find_offsets(float* packed) const;

  const Kernels& kernels_;
  const InputWindow& window_;
  KernelSlice slice_;
  const PatchLayout& layout_;
  size_t out_channels_;
};

template <class Weight>
void Correlation::pack(const Weight& weight, float* packed) const {
  find_offsets(packed);
  packed += offsets_floats();
  const size_t tile_rows = kernels_.convolution_rows;
  for (size_t strip = 0; strip < out_channels_; strip += tile_rows) {
    const size_t present = std::min(tile_rows, out_channels_ - strip);
    for (size_t channel = 0; channel < window_.channels; channel++) {
      for (size_t row = 0; row < slice_.rows; row++) {
        for (size_t column = 0; column < slice_.columns; column++, packed += tile_rows) {
          for (size_t i = 0; i < present; i++) packed[i] = weight(strip + i, channel, row, column);
          for (size_t i = present; i < tile_rows; i++) packed[i] = 0.0f;
        }
      }
    }
  }
}

}  // namespace batchnorm
