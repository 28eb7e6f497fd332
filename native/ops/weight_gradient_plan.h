// How the weight gradient of a convolution is divided. Images form sections; one or several tasks
// sum each section in double, chunk of pixels by chunk, and the sections are added in order.
// Sections and chunks follow from the shape alone, so the bits do not depend on threads.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels.h"
#include "ops/convolution.h"
#include "ops/patch_layout.h"
#include "ops/sizes.h"

namespace batchnorm {

// Some rows of the output of one image, or all rows of several images.
struct PixelChunk {
  size_t image, images;
  size_t row, rows;
};

struct WeightGradientPlan {
  static WeightGradientPlan plan(const Kernels& kernels, const ConvolutionShape& shape,
                                 size_t threads);

  // Ranges of tiles that one section is divided into.
  size_t ranges() const { return ceil_divide(tiles, range_tiles); }
  // Sums of one section: taps, padded to whole tiles, × output channels.
  size_t sums_doubles() const { return tiles * tile_taps * columns; }
  // The offset in a band for every tap of every tile.
  size_t offsets_floats() const {
    return whole_lines(tiles * tile_taps * sizeof(size_t) / sizeof(float));
  }
  void find_offsets(const ConvolutionShape& shape, size_t* offsets) const;
  // Working memory of one thread.
  size_t scratch_floats(const ConvolutionShape& shape) const;

  // The chunk at (image, row) of a section that ends before image `end`; without images at the end.
  PixelChunk chunk_at(const ConvolutionShape& shape, size_t image, size_t row, size_t end) const {
    return {image, std::min(chunk_images, end - image), row,
            std::min(chunk_rows, shape.out_height() - row)};
  }

  InputWindow window;
  size_t taps;  // in_channels * kernel * kernel
  // Whether lanes are pixels and dy is read in place, where rows of output are whole vectors and
  // that is less work: with 16 channels, a vector of which would need a load per multiplication,
  // and with few taps, for which transposing dy is expensive. Otherwise lanes are output channels,
  // and dy is transposed chunk by chunk.
  bool lanes_are_pixels;
  size_t tile_taps, tiles;
  size_t columns;  // output channels, rounded up to whole vectors
  size_t chunk_pixels, chunk_rows, chunk_images;
  PatchLayout layout;
  size_t section_images, sections;
  size_t range_tiles;
};

}  // namespace batchnorm
