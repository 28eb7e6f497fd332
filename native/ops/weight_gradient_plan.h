// How the weight gradient of a group of channels is divided. Images are divided into sections. One
// or several tasks sum each section in double, one chunk of pixels after another, and the sections
// are added in order. Sections and chunks depend only on shape and ISA, so the bits do not depend
// on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels.h"
#include "ops/convolution_tasks.h"
#include "ops/patch_layout.h"

namespace batchnorm {

// Some rows of the output of one image, or all rows of several images.
struct PixelChunk {
  size_t image, images;
  size_t row, rows;
};

struct WeightGradientPlan {
  static WeightGradientPlan plan(const Kernels& kernels, const ConvolutionShape& shape,
                                 size_t threads);

  // Number of ranges of tiles into which a section is divided.
  size_t ranges() const { return ceil_divide(tiles, range_tiles); }
  // Number of sums of one section: taps, padded to whole tiles, × output channels.
  size_t sums_doubles() const { return tiles * tile_taps * columns; }
  // Number of sums of a group: those of all sections.
  size_t group_doubles() const { return sections * sums_doubles(); }
  // Size of the offsets, one for every tap of every tile.
  size_t offsets_floats() const {
    return whole_lines(tiles * tile_taps * sizeof(size_t) / sizeof(float));
  }
  void find_offsets(const ConvolutionShape& shape, size_t* offsets) const;
  // Size of the bands of an image, which is the distance between those of a chunk.
  size_t image_floats(const ConvolutionShape& shape) const {
    return layout.floats(blocks.block * shape.in_channels);
  }
  // Size of the working memory of one thread.
  size_t scratch_floats(const ConvolutionShape& shape) const;

  // The chunk at (image, row) of a section that ends before image `end`; it has no images if
  // `image` is `end`.
  PixelChunk chunk_at(const ConvolutionShape& shape, size_t image, size_t row, size_t end) const {
    return {image, std::min(chunk_images, end - image), row,
            std::min(chunk_rows, shape.out_height() - row)};
  }

  InputWindow window;
  size_t taps;  // of all input channels
  // kPlanes: lanes are pixels and dy is read in place. This requires rows of whole vectors, and it
  // is faster with at most 16 output channels, where lanes of channels would need a load per
  // multiplication, and with few taps, where transposing dy is expensive. kPlane: the same for one
  // output channel at a time, if groups have so few that lanes of channels would be mostly empty.
  // Otherwise lanes are output channels, and dy is transposed chunk by chunk.
  enum class Kernel { kTile, kPlanes, kPlane } kernel;
  size_t tile_taps, tiles;
  size_t columns;  // output channels, rounded up to whole vectors
  size_t chunk_pixels, chunk_rows, chunk_images;
  PatchLayout layout;
  GroupBlocks blocks;  // of kPlane, so that neighboring channels are read together
  size_t section_images, sections;
  size_t range_tiles;
};

}  // namespace batchnorm
