// Cross-correlation of images with a set of weights. The forward pass of a convolution applies it
// to x, the input gradient to dy.
#pragma once

#include <cstddef>

#include "kernels.h"
#include "ops/patch_layout.h"
#include "ops/prefetch.h"
#include "ops/sizes.h"

namespace batchnorm {

// The taps of a window's kernel along one axis that have weights: `count` taps, `step` apart.
struct TapRange {
  size_t first, count, step;

  size_t tap(size_t i) const { return first + i * step; }
};

// The part of a window's kernel that has weights.
struct KernelSlice {
  TapRange rows, columns;
};

// Weights in any order: that of output channel o, channel c and tap (i, j) of a slice is
// first[o * out_channel + c * channel + i * row + j * column].
struct WeightStrides {
  const float* first;
  size_t out_channel, channel;
  ptrdiff_t row, column;
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
  // Packs weights stored in another order.
  void pack(const WeightStrides& weights, float* packed) const;

  // Computes `rows` rows of output from a filled band; channels of y are y_plane floats apart.
  // Calls prefetch.advance() tiles(rows) times.
  void compute(const float* band, const float* packed, const float* bias, size_t rows, float* y,
               size_t y_plane, Prefetch& prefetch) const;
  size_t tiles(size_t rows) const;

 private:
  size_t depth() const { return window_.channels * slice_.rows.count * slice_.columns.count; }
  size_t offsets_floats() const {
    return whole_lines(saturating_product(depth(), sizeof(size_t) / sizeof(float)));
  }

  void find_offsets(float* packed) const;
  void pack_tap(const float* from, const WeightStrides& weights, size_t present, float* packed,
                size_t packed_stride) const;

  const Kernels& kernels_;
  const InputWindow& window_;
  KernelSlice slice_;
  const PatchLayout& layout_;
  size_t out_channels_;
};

}  // namespace batchnorm
