// The gradients by weights and bias. Images are taken in sections, each of which one task or
// several add up in double, chunk of pixels by chunk; sections are then added in their order.
// Sections and chunks follow from the shape alone.
#include <algorithm>
#include <cstdint>

#include "ops/convolution.h"
#include "ops/convolution_tasks.h"
#include "ops/pack.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

// Pixels that a float adds up before it is emptied into a double.
constexpr size_t kChunk = 256;
constexpr size_t kMostSections = 16;
// Of all sections' sums together, where there is more than one.
constexpr size_t kSectionDoubles = 512 * 1024;
constexpr size_t kLine = 16;
constexpr size_t kTasksPerThread = 2;
constexpr size_t kMostRows = 32;

size_t whole_lines(size_t floats) {
  return floats > SIZE_MAX - kLine ? SIZE_MAX : ceil_divide(floats, kLine) * kLine;
}

class WeightGradient {
 public:
  WeightGradient(const Kernels& kernels, const ConvolutionShape& shape, size_t threads)
      : kernels_(kernels),
        shape_(shape),
        layout_(shape.height, shape.width, shape.out_height(), shape.out_width(), shape.stride,
                {shape.kernel, -static_cast<ptrdiff_t>(shape.padding)},
                {shape.kernel, -static_cast<ptrdiff_t>(shape.padding)}),
        rows_(shape.in_channels * shape.taps()),
        row_tiles_(ceil_divide(rows_, kernels.weight_gradient_rows)),
        columns_(ceil_divide(shape.out_channels, kernels.weight_gradient_columns) *
                 kernels.weight_gradient_columns),
        chunk_rows_(std::clamp<size_t>(kChunk / shape.out_width(), 1, shape.out_height())),
        chunk_images_(std::clamp<size_t>(kChunk / shape.out_plane(), 1, shape.images)),
        sections_(std::clamp<size_t>(kSectionDoubles / sums_doubles(), 1,
                                     std::min(kMostSections, shape.images))),
        section_images_(ceil_divide(shape.images, sections_)),
        ranges_(threads == 1
                    ? 1
                    : std::min(ceil_divide(threads * kTasksPerThread, sections_), row_tiles_)),
        range_tiles_(ceil_divide(row_tiles_, ranges_)) {}

  size_t sections() const { return sections_; }
  size_t ranges() const { return ceil_divide(row_tiles_, range_tiles_); }
  // Of one section: taps, those that no tile lacks, by output channels.
  size_t sums_doubles() const { return row_tiles_ * kernels_.weight_gradient_rows * columns_; }
  size_t columns() const { return columns_; }

  size_t scratch_floats() const {
    const size_t bands = saturating_product(chunk_images_, band_floats());
    const size_t total = saturating_product(chunk_pixels(), columns_);
    return bands > SIZE_MAX - total ? SIZE_MAX : whole_lines(bands + total);
  }

  // Adds up one range of tiles over one section.
  void compute(size_t section, size_t range, const float* x, const float* dy, float* scratch,
               double* sums) const {
    const size_t first_tile = range * range_tiles_;
    const size_t last_tile = std::min(row_tiles_, first_tile + range_tiles_);
    std::fill(sums + first_tile * kernels_.weight_gradient_rows * columns_,
              sums + last_tile * kernels_.weight_gradient_rows * columns_, 0.0);
    const size_t first = section * section_images_;
    const size_t end = std::min(shape_.images, first + section_images_);
    for (size_t image = first; image < end; image += chunk_images_) {
      const size_t images = std::min(chunk_images_, end - image);
      for (size_t row = 0; row < shape_.out_height(); row += chunk_rows_) {
        add_chunk(image, images, row, std::min(chunk_rows_, shape_.out_height() - row), first_tile,
                  last_tile, x, dy, scratch, sums);
      }
    }
  }

 private:
  size_t chunk_pixels() const { return chunk_images_ * chunk_rows_ * shape_.out_width(); }
  size_t band_floats() const {
    if (layout_.direct) return 0;
    return whole_lines(saturating_product(shape_.in_channels, layout_.channel_floats(chunk_rows_)));
  }

  void add_chunk(size_t image, size_t images, size_t row, size_t rows, size_t first_tile,
                 size_t last_tile, const float* x, const float* dy, float* scratch,
                 double* sums) const {
    const size_t tile_rows = kernels_.weight_gradient_rows;
    const size_t taps = shape_.taps();
    const size_t first_channel = first_tile * tile_rows / taps;
    const size_t last_channel =
        std::min(shape_.in_channels, ceil_divide(last_tile * tile_rows, taps));
    float* const pixels = scratch;  // dy, pixel by pixel
    float* const bands = scratch + whole_lines(chunk_pixels() * columns_);
    const size_t channel_floats = layout_.channel_floats(rows);
    const float* seen = bands;
    size_t seen_stride = (last_channel - first_channel) * channel_floats;
    const size_t image_floats = shape_.in_channels * shape_.in_plane();
    if (layout_.direct) {
      seen = x + image * image_floats + first_channel * channel_floats + layout_.direct_offset(row);
      seen_stride = image_floats;
    } else {
      for (size_t i = 0; i < images; i++) {
        layout_.fill(x + (image + i) * image_floats + first_channel * shape_.in_plane(),
                     last_channel - first_channel, row, rows, bands + i * seen_stride);
      }
    }
    const size_t width = shape_.out_width();
    const size_t count = rows * width;
    for (size_t i = 0; i < images; i++) {
      const float* from = dy + (image + i) * shape_.out_channels * shape_.out_plane() + row * width;
      transpose(from, count, pixels + i * count * columns_);
    }

    size_t offsets[kMostRows];
    WeightGradientTile tile = {};
    tile.offsets = offsets;
    tile.images = images;
    tile.image_stride = seen_stride;
    tile.rows = rows;
    tile.row_stride = layout_.pitch;
    tile.dy_stride = columns_;
    tile.sums_stride = columns_;
    for (size_t t = first_tile; t < last_tile; t++) {
      for (size_t i = 0; i < tile_rows; i++) {
        // Rows that the last tile has too many repeat its last one.
        const size_t k = std::min(t * tile_rows + i, rows_ - 1);
        const size_t channel = k / taps - first_channel;
        offsets[i] = channel * channel_floats +
                     layout_.offset(k % taps / shape_.kernel, k % shape_.kernel, rows);
      }
      for (size_t column = 0; column < columns_; column += kernels_.weight_gradient_columns) {
        // A row of pixels may be longer than a chunk.
        tile.sums = sums + t * tile_rows * columns_ + column;
        for (size_t begin = 0; begin < width; begin += kChunk) {
          tile.columns = std::min(kChunk, width - begin);
          tile.x = seen + begin;
          tile.dy = pixels + begin * columns_ + column;
          kernels_.weight_gradient_tile(tile);
        }
      }
    }
  }

  // From channel by channel to pixel by pixel, zeros behind the last channel.
  void transpose(const float* dy, size_t pixels, float* to) const {
    const size_t plane = shape_.out_plane();
    const size_t channels = shape_.out_channels;
    size_t pixel = 0;
    for (; pixel + 4 <= pixels; pixel += 4) {
      size_t channel = 0;
      for (; channel + 4 <= channels; channel += 4) {
        transpose_4x4(dy + channel * plane + pixel, plane, to + pixel * columns_ + channel,
                      columns_);
      }
      for (; channel < channels; channel++) {
        for (size_t i = 0; i < 4; i++) {
          to[(pixel + i) * columns_ + channel] = dy[channel * plane + pixel + i];
        }
      }
    }
    for (; pixel < pixels; pixel++) {
      for (size_t channel = 0; channel < channels; channel++) {
        to[pixel * columns_ + channel] = dy[channel * plane + pixel];
      }
    }
    if (columns_ == channels) return;
    for (size_t i = 0; i < pixels; i++) {
      std::fill(to + i * columns_ + channels, to + (i + 1) * columns_, 0.0f);
    }
  }

  const Kernels& kernels_;
  const ConvolutionShape& shape_;
  BandLayout layout_;
  size_t rows_, row_tiles_, columns_;
  size_t chunk_rows_, chunk_images_;
  size_t sections_, section_images_;
  size_t ranges_, range_tiles_;
};

void bias_gradient(const Kernels& kernels, const ConvolutionShape& shape, size_t threads,
                   const float* dy, float* dbias) {
  const size_t plane = shape.out_plane();
  auto task = [&](size_t channel, size_t) {
    double sum = 0;
    for (size_t image = 0; image < shape.images; image++) {
      sum += kernels.sum(dy + (image * shape.out_channels + channel) * plane, plane);
    }
    dbias[channel] = static_cast<float>(sum);
  };
  parallel_for(shape.out_channels, threads, task);
}

}  // namespace

Status convolution_weight_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                   const float* x, const float* dy, float* dweight, float* dbias) {
  if (shape.out_channels == 0) return Status::kOk;
  const size_t weights = shape.out_channels * shape.in_channels * shape.taps();
  if (shape.images == 0) {
    std::fill(dweight, dweight + weights, 0.0f);
    if (dbias != nullptr) std::fill(dbias, dbias + shape.out_channels, 0.0f);
    return Status::kOk;
  }
  const size_t threads = threads_of(shape);
  if (weights > 0) {
    const WeightGradient gradient(kernels, shape, threads);
    const size_t section_floats = 2 * gradient.sums_doubles();
    const size_t sums_floats = whole_lines(gradient.sections() * section_floats);
    const size_t slot_floats = gradient.scratch_floats();
    const size_t slots = saturating_product(threads, slot_floats);
    Scratch scratch;
    float* memory =
        slots > SIZE_MAX - sums_floats ? nullptr : scratch.get<float>(sums_floats + slots);
    if (memory == nullptr) return Status::kOutOfMemory;
    double* const sums = reinterpret_cast<double*>(memory);
    auto task = [&](size_t index, size_t slot) {
      const size_t section = index / gradient.ranges();
      gradient.compute(section, index % gradient.ranges(), x, dy,
                       memory + sums_floats + slot * slot_floats,
                       sums + section * gradient.sums_doubles());
    };
    parallel_for(gradient.sections() * gradient.ranges(), threads, task);
    const size_t rows = shape.in_channels * shape.taps();
    for (size_t o = 0; o < shape.out_channels; o++) {
      for (size_t k = 0; k < rows; k++) {
        double sum = 0;
        for (size_t section = 0; section < gradient.sections(); section++) {
          sum += sums[section * gradient.sums_doubles() + k * gradient.columns() + o];
        }
        dweight[o * rows + k] = static_cast<float>(sum);
      }
    }
  }
  if (dbias != nullptr) bias_gradient(kernels, shape, threads, dy, dbias);
  return Status::kOk;
}

}  // namespace batchnorm
