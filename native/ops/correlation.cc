#include "ops/correlation.h"

#include <cstring>

#include "ops/convolution_tasks.h"
#include "ops/pack.h"

namespace batchnorm {

namespace {

constexpr size_t kMaxTileFloats = 8 * 16;
// Number of tiles that use a strip of weights before the next strip is loaded. Their input stays in
// the first-level cache meanwhile.
constexpr size_t kTilesPerStrip = 4;

// Rows of output divided into vectors of `lanes` pixels. The last vector of a line ends with the
// line, so it may overlap the one before; pixels computed twice get the same value.
struct Run {
  size_t lines, length;        // lines of `length` consecutive pixels
  size_t band_pitch, y_pitch;  // floats from one line to the next
  size_t lanes;
  size_t vectors_of_line = (length + lanes - 1) / lanes;

  size_t vectors() const { return lines * vectors_of_line; }
  size_t line(size_t vector) const { return vector / vectors_of_line; }
  size_t pixel(size_t vector) const {
    return std::min(vector % vectors_of_line * lanes, length - std::min(length, lanes));
  }
};

Run run_of(const InputWindow& window, const PatchLayout& layout, size_t lanes, size_t rows) {
  const size_t columns = window.out_columns;
  const bool flat = layout.is_flat();
  return {flat ? 1 : rows, flat ? rows * columns : columns, layout.pitch, columns, lanes};
}

}  // namespace

size_t Correlation::weights_floats() const {
  const size_t rows = ceil_divide(out_channels_, tile_rows()) * tile_rows();
  return whole_lines(saturating_product(rows, depth()));
}

void Correlation::find_offsets(float* memory) const {
  size_t* const offsets = reinterpret_cast<size_t*>(memory);
  const size_t columns = slice_.columns.count;
  const size_t taps = slice_.rows.count * columns;
  for (size_t row = 0; row < slice_.rows.count; row++) {
    for (size_t column = 0; column < columns; column++) {
      offsets[row * columns + column] =
          layout_.offset(0, slice_.rows.tap(row), slice_.columns.tap(column));
    }
  }
  for (size_t i = taps; i < depth(); i++) offsets[i] = offsets[i - taps] + layout_.channel_floats;
}

void Correlation::pack_rows(const float* weights, float* packed) const {
  if (kernel_ == Kernel::kPlane) {
    std::memcpy(packed, weights, out_channels_ * depth() * sizeof(float));
    return;
  }
  pack_strips({weights, depth(), 1}, out_channels_, depth(), tile_rows(), packed);
}

void Correlation::pack(const WeightStrides& weights, float* packed) const {
  const size_t tile_rows = this->tile_rows();
  const size_t taps = slice_.rows.count * slice_.columns.count;
  for (size_t strip = 0; strip < out_channels_; strip += tile_rows) {
    const size_t present = std::min(tile_rows, out_channels_ - strip);
    if (present < tile_rows) std::fill(packed, packed + depth() * tile_rows, 0.0f);
    for (size_t tap = 0; tap < taps; tap++) {
      const float* from = weights.first + strip * weights.out_channel +
                          static_cast<ptrdiff_t>(tap / slice_.columns.count) * weights.row +
                          static_cast<ptrdiff_t>(tap % slice_.columns.count) * weights.column;
      pack_tap(from, weights, present, packed + tap * tile_rows, taps * tile_rows);
    }
    packed += depth() * tile_rows;
  }
}

// Packs the weights of one tap for `present` output channels and all channels.
void Correlation::pack_tap(const float* from, const WeightStrides& weights, size_t present,
                           float* packed, size_t packed_stride) const {
  const size_t out_channel = weights.out_channel;
  for (size_t channel = 0; channel < window_.channels; channel++) {
    const float* weight = from + channel * weights.channel;
    for (size_t i = 0; i < present; i++, weight += out_channel) packed[i] = *weight;
    packed += packed_stride;
  }
}

size_t Correlation::calls(size_t rows) const {
  if (kernel_ == Kernel::kPlane) return out_channels_;
  const size_t vectors = run_of(window_, layout_, kernels_.lanes, rows).vectors();
  return ceil_divide(vectors, kernels_.convolution_vectors) *
         ceil_divide(out_channels_, kernels_.convolution_rows);
}

void Correlation::compute_planes(const float* band, const float* offsets, const float* packed,
                                 const float* bias, size_t rows, float* y, size_t y_plane,
                                 Prefetch& prefetch) const {
  const Run run = run_of(window_, layout_, kernels_.lanes, rows);
  CorrelatedPlane plane = {};
  plane.offsets = reinterpret_cast<const size_t*>(offsets);
  plane.depth = depth();
  plane.x = band;
  plane.x_stride = run.band_pitch;
  plane.y_stride = run.y_pitch;
  plane.rows = run.lines;
  plane.columns = run.length;
  for (size_t o = 0; o < out_channels_; o++) {
    plane.weights = packed + o * plane.depth;
    plane.bias = bias == nullptr ? 0.0f : bias[o];
    plane.y = y + o * y_plane;
    kernels_.correlate_plane(plane);
    prefetch.advance();
  }
}

void Correlation::compute(const float* band, const float* offsets, const float* packed,
                          const float* bias, size_t rows, float* y, size_t y_plane,
                          Prefetch& prefetch) const {
  if (kernel_ == Kernel::kPlane) {
    compute_planes(band, offsets, packed, bias, rows, y, y_plane, prefetch);
    return;
  }
  const size_t lanes = kernels_.lanes;
  const Run run = run_of(window_, layout_, lanes, rows);
  // A line shorter than a vector is computed in a buffer, because vectors would write past its end.
  const bool buffered = run.length < lanes;
  float buffer[kMaxTileFloats];

  const size_t vectors = run.vectors();
  const size_t tile_vectors = kernels_.convolution_vectors;
  const size_t tiles = ceil_divide(vectors, tile_vectors);
  ConvolutionTile tile = {};
  tile.depth = depth();
  tile.offsets = reinterpret_cast<const size_t*>(offsets);
  tile.row_stride = buffered ? lanes : y_plane;
  for (size_t block = 0; block < tiles; block += kTilesPerStrip) {
    const size_t count = std::min(kTilesPerStrip, tiles - block);
    const float* from[kTilesPerStrip * kMaxConvolutionVectors];
    float* to[kTilesPerStrip * kMaxConvolutionVectors];
    for (size_t i = 0; i < count * tile_vectors; i++) {
      // Surplus vectors of the last tile repeat the last vector.
      const size_t vector = std::min(block * tile_vectors + i, vectors - 1);
      const size_t line = run.line(vector);
      const size_t pixel = run.pixel(vector);
      from[i] = band + line * run.band_pitch + pixel;
      to[i] = y + line * run.y_pitch + pixel;
    }
    for (size_t o = 0; o < out_channels_; o += kernels_.convolution_rows) {
      tile.weights = packed + o * tile.depth;
      tile.bias = bias == nullptr ? nullptr : bias + o;
      tile.rows = std::min(kernels_.convolution_rows, out_channels_ - o);
      for (size_t t = 0; t < count; t++) {
        for (size_t v = 0; v < tile_vectors; v++) {
          tile.x[v] = from[t * tile_vectors + v];
          tile.y[v] = buffered ? buffer : to[t * tile_vectors + v] + o * y_plane;
        }
        kernels_.convolution_tile(tile);
        prefetch.advance();
      }
      for (size_t row = 0; buffered && row < tile.rows; row++) {
        std::memcpy(y + (o + row) * y_plane, buffer + row * lanes, run.length * sizeof(float));
      }
    }
  }
}

}  // namespace batchnorm
