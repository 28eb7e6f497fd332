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
  // How many output channels a kernel computes at once. Tiles share loads of x among several.
  // Groups of channels may be so small that most of a tile would be empty.
  enum class Kernel { kTile, kPlane };
  static Kernel kernel_for(const Kernels& kernels, size_t groups, size_t out_channels) {
    return groups > 1 && 2 * out_channels <= kernels.convolution_rows ? Kernel::kPlane
                                                                      : Kernel::kTile;
  }

  Correlation(const Kernels& kernels, const InputWindow& window, const KernelSlice& slice,
              const PatchLayout& layout, size_t groups, size_t out_channels)
      : kernels_(kernels),
        window_(window),
        slice_(slice),
        layout_(layout),
        out_channels_(out_channels),
        kernel_(kernel_for(kernels, groups, out_channels)) {}

  // Size of the offsets of the inputs that an output reads.
  size_t offsets_floats() const {
    return whole_lines(saturating_product(depth(), sizeof(size_t) / sizeof(float)));
  }
  void find_offsets(float* memory) const;

  // Size of the packed weights of one group.
  size_t weights_floats() const;
  // Packs weights stored as out_channels x channels x taps.
  void pack_rows(const float* weights, float* packed) const;
  // Packs weights stored in another order.
  void pack(const WeightStrides& weights, float* packed) const;

  // Computes `rows` rows of output from a filled band; channels of y are y_plane floats apart.
  // Calls prefetch.advance() calls(rows) times.
  void compute(const float* band, const float* offsets, const float* packed, const float* bias,
               size_t rows, float* y, size_t y_plane, Prefetch& prefetch) const;
  size_t calls(size_t rows) const;

 private:
  size_t depth() const { return window_.channels * slice_.rows.count * slice_.columns.count; }
  // Output channels whose weights are packed together.
  size_t tile_rows() const { return kernel_ == Kernel::kTile ? kernels_.convolution_rows : 1; }
  void pack_tap(const float* from, const WeightStrides& weights, size_t present, float* packed,
                size_t packed_stride) const;
  void compute_planes(const float* band, const float* offsets, const float* packed,
                      const float* bias, size_t rows, float* y, size_t y_plane,
                      Prefetch& prefetch) const;

  const Kernels& kernels_;
  const InputWindow& window_;
  KernelSlice slice_;
  const PatchLayout& layout_;
  size_t out_channels_;
  Kernel kernel_;
};

}  // namespace batchnorm
