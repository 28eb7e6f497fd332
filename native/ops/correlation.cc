#include "ops/correlation.h"

#include <cstring>

#include "ops/convolution_tasks.h"
#include "ops/pack.h"

namespace batchnorm {

namespace {

constexpr size_t kMostTileFloats = 8 * 16;
// Tiles that a strip of weights serves before the next strip comes: it is then read from afar once
// for all of them, while what they see of the image stays near.
constexpr size_t kTilesPerStrip = 4;

// Rows of output whose pixels are taken as vectors of `lanes`, the last one of a line beginning
// early enough to end with the line: pixels computed twice get the same value twice.
struct Run {
  size_t lines, length;        // lines of so many pixels without a gap
  size_t band_pitch, y_pitch;  // floats from one line to the next
  size_t lanes;
  size_t vectors_of_line = (length + lanes - 1) / lanes;

  size_t vectors() const { return lines * vectors_of_line; }
  size_t line(size_t vector) const { return vector / vectors_of_line; }
  size_t pixel(size_t vector) const {
    return std::min(vector % vectors_of_line * lanes, length - std::min(length, lanes));
  }
};

Run run_of(const Sight& sight, const BandLayout& layout, size_t lanes, size_t rows) {
  const size_t columns = sight.out_columns;
  const bool flat = layout.is_flat();
  return {flat ? 1 : rows, flat ? rows * columns : columns, layout.pitch(), columns, lanes};
}

}  // namespace

size_t Correlation::packed_floats() const {
  const size_t rows =
      ceil_divide(out_channels_, kernels_.convolution_rows) * kernels_.convolution_rows;
  return saturating_sum(offsets_floats(), whole_lines(saturating_product(rows, depth())));
}

void Correlation::find_offsets(float* packed) const {
  size_t* offsets = reinterpret_cast<size_t*>(packed);
  for (size_t channel = 0; channel < sight_.channels; channel++) {
    for (size_t row = 0; row < window_.rows; row++) {
      for (size_t column = 0; column < window_.columns; column++) {
        *offsets++ =
            layout_.offset(channel, window_.first_row + row, window_.first_column + column);
      }
    }
  }
}

void Correlation::pack_rows(const float* weights, float* packed) const {
  find_offsets(packed);
  pack_strips({weights, depth(), 1}, out_channels_, depth(), kernels_.convolution_rows,
              packed + offsets_floats());
}

size_t Correlation::tiles(size_t rows) const {
  const size_t vectors = run_of(sight_, layout_, kernels_.lanes, rows).vectors();
  return ceil_divide(vectors, kernels_.convolution_vectors) *
         ceil_divide(out_channels_, kernels_.convolution_rows);
}

void Correlation::compute(const float* band, const float* packed, const float* bias, size_t rows,
                          float* y, size_t y_plane, Ahead& ahead) const {
  const size_t lanes = kernels_.lanes;
  const Run run = run_of(sight_, layout_, lanes, rows);
  // A line shorter than a vector is computed beside y.
  const bool beside = run.length < lanes;
  float outside[kMostTileFloats];

  const size_t vectors = run.vectors();
  const size_t tile_vectors = kernels_.convolution_vectors;
  const size_t tiles = ceil_divide(vectors, tile_vectors);
  ConvolutionTile tile = {};
  tile.depth = depth();
  tile.offsets = reinterpret_cast<const size_t*>(packed);
  tile.row_stride = beside ? lanes : y_plane;
  for (size_t block = 0; block < tiles; block += kTilesPerStrip) {
    const size_t count = std::min(kTilesPerStrip, tiles - block);
    const float* from[kTilesPerStrip * kMostConvolutionVectors];
    float* to[kTilesPerStrip * kMostConvolutionVectors];
    for (size_t i = 0; i < count * tile_vectors; i++) {
      // Vectors that the last tile has too many repeat its last one.
      const size_t vector = std::min(block * tile_vectors + i, vectors - 1);
      const size_t line = run.line(vector);
      const size_t pixel = run.pixel(vector);
      from[i] = band + line * run.band_pitch + pixel;
      to[i] = y + line * run.y_pitch + pixel;
    }
    for (size_t o = 0; o < out_channels_; o += kernels_.convolution_rows) {
      tile.weights = packed + offsets_floats() + o * tile.depth;
      tile.bias = bias == nullptr ? nullptr : bias + o;
      tile.rows = std::min(kernels_.convolution_rows, out_channels_ - o);
      for (size_t t = 0; t < count; t++) {
        for (size_t v = 0; v < tile_vectors; v++) {
          tile.x[v] = from[t * tile_vectors + v];
          tile.y[v] = beside ? outside : to[t * tile_vectors + v] + o * y_plane;
        }
        kernels_.convolution_tile(tile);
        ahead.ask();
      }
      for (size_t row = 0; beside && row < tile.rows; row++) {
        std::memcpy(y + (o + row) * y_plane, outside + row * lanes, run.length * sizeof(float));
      }
    }
  }
}

}  // namespace batchnorm
