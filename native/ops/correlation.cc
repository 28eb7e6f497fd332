#include "ops/correlation.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "ops/convolution_tasks.h"

namespace batchnorm {

namespace {

constexpr size_t kLine = 16;  // floats of a cache line
constexpr size_t kMostLanes = 64;
// Tiles that a strip of weights serves before the next strip comes: it is then read from afar once
// for all of them, while what they see of the image stays near.
constexpr size_t kTilesPerStrip = 4;

size_t saturating_sum(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

size_t whole_lines(size_t floats) {
  return floats > SIZE_MAX - kLine ? SIZE_MAX : ceil_divide(floats, kLine) * kLine;
}

}  // namespace

Correlator::Correlator(const Kernels& kernels, const Correlation& shape, size_t band_rows)
    : kernels_(kernels),
      shape_(shape),
      layout_(shape.rows, shape.columns, shape.out_rows, shape.out_columns, shape.stride,
              shape.row_taps, shape.column_taps),
      band_rows_(band_rows) {}

size_t Correlator::weights_floats() const {
  const size_t strips = ceil_divide(shape_.out_channels, kernels_.convolution_rows);
  return whole_lines(strips * kernels_.convolution_rows * shape_.depth());
}

// Two sizes a tap: into the band, and into packed patches.
size_t Correlator::offsets_floats() const {
  return whole_lines(saturating_product(2 * (sizeof(size_t) / sizeof(float)), shape_.depth()));
}

size_t Correlator::band_floats() const {
  if (layout_.direct) return 0;
  return whole_lines(saturating_product(shape_.channels, layout_.channel_floats(band_rows_)));
}

size_t Correlator::scratch_floats() const {
  const size_t patches = whole_lines(
      saturating_product(shape_.depth(), kernels_.convolution_vectors * kernels_.lanes));
  return saturating_sum(saturating_sum(offsets_floats(), band_floats()), patches);
}

// Rows of output whose pixels are taken as vectors of `lanes`, the last one of a line beginning
// early enough to end with the line: pixels computed twice get the same value twice.
struct Correlator::Run {
  size_t lines, length;  // lines of so many pixels without a gap
  size_t line_pitch;     // floats from one line to the next in the band
  size_t out_columns;
  size_t lanes;

  size_t vectors_of_line() const { return ceil_divide(length, lanes); }
  size_t vectors() const { return lines * vectors_of_line(); }
  size_t line(size_t vector) const { return vector / vectors_of_line(); }
  size_t pixel(size_t vector) const {
    return std::min(vector % vectors_of_line() * lanes, length - std::min(length, lanes));
  }
};

void Correlator::compute(const float* image, const float* packed_weights, const float* bias,
                         size_t first, size_t rows, float* scratch, float* y,
                         size_t y_plane) const {
  size_t* const offsets = reinterpret_cast<size_t*>(scratch);
  size_t* const patch_offsets = offsets + shape_.depth();
  float* const band_memory = scratch + offsets_floats();
  float* const patches = band_memory + band_floats();

  const float* band = band_memory;
  if (layout_.direct) {
    band = image + layout_.direct_offset(first);
  } else {
    layout_.fill(image, shape_.channels, first, rows, band_memory);
  }
  const size_t patch_stride = kernels_.convolution_vectors * kernels_.lanes;
  size_t k = 0;
  for (size_t channel = 0; channel < shape_.channels; channel++) {
    for (size_t row = 0; row < shape_.row_taps.count; row++) {
      for (size_t column = 0; column < shape_.column_taps.count; column++, k++) {
        offsets[k] = channel * layout_.channel_floats(rows) + layout_.offset(row, column, rows);
        patch_offsets[k] = k * patch_stride;
      }
    }
  }

  // A vector reads whole lanes of the band: lines must have as many, or patches are packed, whose
  // pixels come from all lines.
  const bool flat = layout_.is_flat();
  const bool packs = (flat ? rows * layout_.columns : layout_.columns) < kernels_.lanes;
  Run run = {};
  run.lines = flat || packs ? 1 : rows;
  run.length = flat || packs ? rows * layout_.columns : layout_.columns;
  run.line_pitch = layout_.pitch;
  run.lanes = kernels_.lanes;
  const size_t lanes = kernels_.lanes;
  // A line shorter than a vector is computed beside y.
  const bool beside = run.length < lanes;

  const size_t tile_vectors = kernels_.convolution_vectors;
  const size_t tiles = ceil_divide(run.vectors(), tile_vectors);
  const size_t tiles_per_strip = packs ? 1 : kTilesPerStrip;
  float outside[kMostLanes * 8];
  ConvolutionTile tile = {};
  tile.depth = shape_.depth();
  tile.offsets = packs ? patch_offsets : offsets;
  for (size_t block = 0; block < tiles; block += tiles_per_strip) {
    const size_t block_end = std::min(tiles, block + tiles_per_strip);
    if (packs) {
      for (size_t v = 0; v < tile_vectors; v++) {
        const size_t vector = std::min(block * tile_vectors + v, run.vectors() - 1);
        const size_t pixel = run.pixel(vector);
        const size_t count = std::min(lanes, run.length);
        for (size_t lane = 0; lane < lanes;) {
          // What follows the last pixel repeats it.
          const size_t at = pixel + std::min(lane, count - 1);
          const size_t column = at % layout_.columns;
          const size_t length = lane < count ? std::min(count - lane, layout_.columns - column) : 1;
          const float* from = band + at / layout_.columns * layout_.pitch + column;
          float* to = patches + v * lanes + lane;
          for (size_t step = 0; step < tile.depth; step++) {
            for (size_t i = 0; i < length; i++) {
              to[step * patch_stride + i] = from[offsets[step] + i];
            }
          }
          lane += length;
        }
      }
    }
    for (size_t o = 0; o < shape_.out_channels; o += kernels_.convolution_rows) {
      tile.weights = packed_weights + o * tile.depth;
      tile.bias = bias == nullptr ? nullptr : bias + o;
      tile.rows = std::min(kernels_.convolution_rows, shape_.out_channels - o);
      tile.row_stride = beside ? lanes : y_plane;
      for (size_t t = block; t < block_end; t++) {
        for (size_t v = 0; v < tile_vectors; v++) {
          const size_t vector = std::min(t * tile_vectors + v, run.vectors() - 1);
          const size_t line = run.line(vector);
          const size_t pixel = run.pixel(vector);
          tile.x[v] = packs ? patches + v * lanes : band + line * run.line_pitch + pixel;
          tile.y[v] = beside ? outside : y + o * y_plane + line * layout_.columns + pixel;
        }
        kernels_.convolution_tile(tile);
        if (beside) {
          for (size_t row = 0; row < tile.rows; row++) {
            std::memcpy(y + (o + row) * y_plane, outside + row * lanes, run.length * sizeof(float));
          }
        }
      }
    }
  }
}

}  // namespace batchnorm
