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
// Planes between two prefetches.
constexpr size_t kPlanesPerCall = 8;

// Rows of output divided into vectors or tiles of `lanes` pixels. The last one of a line ends with
// the line, so it may overlap the one before; pixels computed twice get the same value.
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

// Channels that are transposed together.
constexpr size_t kTransposed = 4;

// y[channel * y_plane + pixel] = sums[pixel * stride + channel] for channels below `channels`, at
// most kTransposed.
void transpose_tile(const float* sums, size_t stride, size_t pixels, size_t channels, float* y,
                    size_t y_plane) {
  if (channels == kTransposed) {
    transpose_4x4(sums, stride, y, y_plane);
    // The last four pixels overlap the first ones.
    transpose_4x4(sums + (pixels - 4) * stride, stride, y + pixels - 4, y_plane);
    return;
  }
  for (size_t channel = 0; channel < channels; channel++) {
    for (size_t pixel = 0; pixel < pixels; pixel++) {
      y[channel * y_plane + pixel] = sums[pixel * stride + channel];
    }
  }
}

}  // namespace

Correlation::Kernel Correlation::kernel_for(const Kernels& kernels, const InputWindow& window,
                                            size_t groups, size_t out_channels, size_t depth) {
  if (groups > 1 && 2 * out_channels <= kernels.convolution_rows) return Kernel::kPlane;
  const size_t pixels = kernels.channel_tile_pixels;
  if (window.out_columns < pixels) return Kernel::kPixels;
  // Lines that are shorter than a vector are joined.
  const bool joined = window.out_columns < kernels.lanes;
  const size_t vectors = joined ? ceil_divide(window.out_rows * window.out_columns, kernels.lanes)
                                : window.out_rows * ceil_divide(window.out_columns, kernels.lanes);
  const auto cost = [](size_t tiles, size_t strips, size_t outputs, size_t steps) {
    return static_cast<double>(tiles * strips) * static_cast<double>(outputs * steps);
  };
  const double by_pixels =
      cost(ceil_divide(vectors, kernels.convolution_vectors),
           ceil_divide(out_channels, kernels.convolution_rows),
           kernels.convolution_vectors * kernels.lanes * kernels.convolution_rows, depth);
  // Transposing the sums of a tile takes as long as this many products.
  constexpr size_t kTranspose = 24;
  const double by_channels = cost(window.out_rows * ceil_divide(window.out_columns, pixels),
                                  ceil_divide(out_channels, kernels.channel_tile_channels),
                                  pixels * kernels.channel_tile_channels, depth + kTranspose);
  return by_channels < 0.95 * by_pixels ? Kernel::kChannels : Kernel::kPixels;
}

PatchLayout Correlation::layout_for(const Kernels& kernels, Kernel kernel,
                                    const InputWindow& window, size_t band_rows) {
  using ShortRows = PatchLayout::ShortRows;
  return PatchLayout::plan(window, band_rows, kernel == Kernel::kChannels ? 1 : kernels.lanes,
                           kernel == Kernel::kPlane ? ShortRows::kSeparate : ShortRows::kJoined);
}

size_t Correlation::strip_channels() const {
  switch (kernel_) {
    case Kernel::kPixels:
      return kernels_.convolution_rows;
    case Kernel::kChannels:
      return kernels_.channel_tile_channels;
    default:
      return 1;
  }
}

size_t Correlation::weights_floats() const {
  return whole_lines(saturating_product(strips() * strip_channels(), depth()));
}

size_t Correlation::sums_floats(size_t rows) const {
  if (kernel_ != Kernel::kChannels) return 0;
  const size_t pixels = kernels_.channel_tile_pixels;
  const size_t tiles = run_of(window_, layout_, pixels, rows).vectors();
  return whole_lines(saturating_product(tiles, pixels * kernels_.channel_tile_channels));
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

void Correlation::pack_rows(const float* weights, size_t first, size_t last, float* packed) const {
  const size_t width = strip_channels();
  const size_t begin = first * width;
  const size_t end = std::min(out_channels_, last * width);
  pack_strips({weights + begin * depth(), depth(), 1}, end - begin, depth(), width,
              packed + begin * depth());
}

void Correlation::pack(const WeightStrides& weights, float* packed) const {
  const size_t tile_rows = strip_channels();
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

size_t Correlation::calls(size_t rows, size_t groups) const {
  if (kernel_ == Kernel::kPlane) {
    return out_channels_ == 1 ? ceil_divide(groups, kPlanesPerCall) : groups;
  }
  const bool pixels = kernel_ == Kernel::kPixels;
  const size_t width = pixels ? kernels_.lanes : kernels_.channel_tile_pixels;
  const size_t vectors = run_of(window_, layout_, width, rows).vectors();
  if (pixels) return ceil_divide(vectors, kernels_.convolution_vectors) * strips();
  return vectors * strips() * ceil_divide(depth(), kConvolutionChain);
}

void Correlation::compute(const CorrelatedBand& band, Prefetch& prefetch) const {
  switch (kernel_) {
    case Kernel::kPixels:
      return compute_pixels(band, prefetch);
    case Kernel::kChannels:
      return compute_channels(band, prefetch);
    case Kernel::kPlane:
      return compute_planes(band, prefetch);
  }
}

void Correlation::compute_planes(const CorrelatedBand& band, Prefetch& prefetch) const {
  const Run run = run_of(window_, layout_, kernels_.lanes, band.rows);
  const size_t group_floats = window_.channels * layout_.channel_floats;
  CorrelatedPlanes planes = {};
  planes.offsets = reinterpret_cast<const size_t*>(band.offsets);
  planes.depth = depth();
  planes.x_stride = run.band_pitch;
  planes.y_plane = band.y_plane;
  planes.rows = run.lines;
  planes.columns = run.length;
  // The channels of one group read the same planes of x.
  const size_t groups_per_call = out_channels_ == 1 ? kPlanesPerCall : 1;
  planes.weights_stride = out_channels_ == 1 ? band.packed_group : depth();
  planes.x_plane = out_channels_ == 1 ? group_floats : 0;
  for (size_t group = 0; group < band.groups; group += groups_per_call) {
    const size_t first = group * out_channels_;
    planes.planes = std::min(groups_per_call, band.groups - group) * out_channels_;
    planes.weights = band.packed + group * band.packed_group;
    planes.bias = band.bias == nullptr ? nullptr : band.bias + first;
    planes.x = band.band + group * group_floats;
    planes.y = band.y + first * band.y_plane;
    kernels_.correlate_planes(planes);
    prefetch.advance();
  }
}

void Correlation::compute_pixels(const CorrelatedBand& band, Prefetch& prefetch) const {
  const size_t lanes = kernels_.lanes;
  const Run run = run_of(window_, layout_, lanes, band.rows);
  // A line shorter than a vector is computed in a buffer, because vectors would write past its end.
  const bool buffered = run.length < lanes;
  float buffer[kMaxTileFloats];

  const size_t vectors = run.vectors();
  const size_t tile_vectors = kernels_.convolution_vectors;
  const size_t tiles = ceil_divide(vectors, tile_vectors);
  const size_t y_plane = band.y_plane;
  ConvolutionTile tile = {};
  tile.depth = depth();
  tile.offsets = reinterpret_cast<const size_t*>(band.offsets);
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
      from[i] = band.band + line * run.band_pitch + pixel;
      to[i] = band.y + line * run.y_pitch + pixel;
    }
    for (size_t strip = band.first; strip < band.last; strip++) {
      const size_t o = strip * kernels_.convolution_rows;
      tile.weights = band.packed + o * tile.depth;
      tile.bias = band.bias == nullptr ? nullptr : band.bias + o;
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
        std::memcpy(band.y + (o + row) * y_plane, buffer + row * lanes, run.length * sizeof(float));
      }
    }
  }
}

void Correlation::compute_channels(const CorrelatedBand& band, Prefetch& prefetch) const {
  const size_t pixels = kernels_.channel_tile_pixels;
  const size_t channels = kernels_.channel_tile_channels;
  const Run run = run_of(window_, layout_, pixels, band.rows);
  const size_t tiles = run.vectors();
  const size_t depth = this->depth();
  const bool far = is_far(weights_floats());
  constexpr size_t kLine = 16;
  for (size_t strip = band.first; strip < band.last; strip++) {
    const size_t o = strip * channels;
    const size_t present = std::min(channels, out_channels_ - o);
    float bias[kMaxChannelTileChannels] = {};
    if (band.bias != nullptr) std::memcpy(bias, band.bias + o, present * sizeof(float));
    ConvolutionChannelTile tile = {};
    tile.weights = band.packed + o * depth;
    tile.offsets = reinterpret_cast<const size_t*>(band.offsets);
    // The weights of one chain stay in the second-level cache while all tiles use them.
    for (size_t begin = 0; begin < depth; begin += kConvolutionChain) {
      tile.steps = std::min(kConvolutionChain, depth - begin);
      tile.adds = begin > 0;
      tile.bias = begin + tile.steps == depth ? bias : nullptr;
      tile.sums = band.sums;
      // Meanwhile the weights of the next chain come from memory; its first tile would wait for
      // them.
      const float* next = tile.weights + tile.steps * channels;
      const float* const end =
          std::min(band.packed + weights_floats(), next + kConvolutionChain * channels);
      for (size_t t = 0; t < tiles; t++, tile.sums += pixels * channels) {
        const bool prefetches = far && next < end;
        tile.next = prefetches ? next : tile.weights;
        tile.next_step = prefetches ? kLine : 0;
        next += kLine * tile.steps;
        tile.x = band.band + run.line(t) * run.band_pitch + run.pixel(t);
        kernels_.convolution_channel_tile(tile);
        prefetch.advance();
      }
      tile.weights += tile.steps * channels;
      tile.offsets += tile.steps;
    }
    // Four channels at a time, so that each is written from its first pixel to its last.
    for (size_t channel = 0; channel < present; channel += kTransposed) {
      const size_t count = std::min(kTransposed, present - channel);
      for (size_t t = 0; t < tiles; t++) {
        transpose_tile(
            band.sums + t * pixels * channels + channel, channels, pixels, count,
            band.y + (o + channel) * band.y_plane + run.line(t) * run.y_pitch + run.pixel(t),
            band.y_plane);
      }
    }
  }
}

}  // namespace batchnorm
