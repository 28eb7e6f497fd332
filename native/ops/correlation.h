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

// The rows of output that one call computes, and the memory that it uses.
struct CorrelatedBand {
  const float* band;     // filled by the layout
  const float* offsets;  // found by find_offsets
  const float* packed;
  const float* bias;  // may be null
  // 1 unless the kernel is kPlane. The channels of the groups are consecutive.
  size_t groups;
  size_t packed_group;  // floats from the packed weights of one group to those of the next
  size_t rows;
  float* y;
  size_t y_plane;      // floats from one channel of y to the next
  size_t first, last;  // strips of channels: all before `last`
  float* sums;         // sums_floats(rows) floats, which no other call uses at the same time
};

// y[o][r][c] = bias[o] + sum over channels and the slice's taps (t, u) of weight * the input that
// output (r, c) reads at (t, u).
class Correlation {
 public:
  // The contents of a kernel's vectors: pixels, in a tile of several channels; channels, in a tile
  // of several pixels, where many vectors of pixels would not be full; or the pixels of a single
  // channel, in groups of channels so small that most of a tile would be empty.
  enum class Kernel { kPixels, kChannels, kPlane };
  // `depth` is the number of products of a sum.
  static Kernel kernel_for(const Kernels& kernels, const InputWindow& window, size_t groups,
                           size_t out_channels, size_t depth);
  // The layout that a kernel reads.
  static PatchLayout layout_for(const Kernels& kernels, Kernel kernel, const InputWindow& window,
                                size_t band_rows);

  Correlation(const Kernels& kernels, const InputWindow& window, const KernelSlice& slice,
              const PatchLayout& layout, Kernel kernel, size_t out_channels)
      : kernels_(kernels),
        window_(window),
        slice_(slice),
        layout_(layout),
        out_channels_(out_channels),
        kernel_(kernel) {}

  // Size of the offsets of the inputs that an output reads.
  size_t offsets_floats() const {
    return whole_lines(saturating_product(depth(), sizeof(size_t) / sizeof(float)));
  }
  void find_offsets(float* memory) const;

  // Output channels whose weights are packed together: a strip.
  size_t strip_channels() const;
  size_t strips() const { return ceil_divide(out_channels_, strip_channels()); }
  // Size of the packed weights of one group.
  size_t weights_floats() const;
  // Packs the weights of the strips from `first` to `last`, which are stored as out_channels x
  // channels x taps.
  void pack_rows(const float* weights, size_t first, size_t last, float* packed) const;
  // Packs all weights, stored in another order.
  void pack(const WeightStrides& weights, float* packed) const;

  // Size of the memory for sums that computing `rows` rows needs.
  size_t sums_floats(size_t rows) const;
  // Calls prefetch.advance() calls(rows, groups) times if it computes all strips.
  void compute(const CorrelatedBand& band, Prefetch& prefetch) const;
  size_t calls(size_t rows, size_t groups) const;

 private:
  size_t depth() const { return window_.channels * slice_.rows.count * slice_.columns.count; }
  void pack_tap(const float* from, const WeightStrides& weights, size_t present, float* packed,
                size_t packed_stride) const;
  void compute_pixels(const CorrelatedBand& band, Prefetch& prefetch) const;
  void compute_channels(const CorrelatedBand& band, Prefetch& prefetch) const;
  void compute_planes(const CorrelatedBand& band, Prefetch& prefetch) const;

  const Kernels& kernels_;
  const InputWindow& window_;
  KernelSlice slice_;
  const PatchLayout& layout_;
  size_t out_channels_;
  Kernel kernel_;
};

}  // namespace batchnorm
