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
constexpr size_t kSectionPixels = 8 * kChunk;  // at least, or emptying costs more than adding
constexpr size_t kTasksPerThread = 2;

class WeightGradient {
 public:
  WeightGradient(const Kernels& kernels, const ConvolutionShape& shape, size_t threads)
      : kernels_(kernels),
        shape_(shape),
        sight_{shape.in_channels,
               shape.height,
               shape.width,
               shape.out_height(),
               shape.out_width(),
               shape.stride,
               {shape.kernel, -static_cast<ptrdiff_t>(shape.padding)},
               {shape.kernel, -static_cast<ptrdiff_t>(shape.padding)}},
        rows_(shape.in_channels * shape.taps()),
        row_tiles_(ceil_divide(rows_, kernels.weight_gradient_rows)),
        columns_(ceil_divide(shape.out_channels, kernels.lanes) * kernels.lanes),
        chunk_rows_(std::clamp<size_t>(kChunk / shape.out_width(), 1, shape.out_height())),
        chunk_images_(std::clamp<size_t>(kChunk / shape.out_plane(), 1, shape.images)),
        layout_(sight_, chunk_rows_, 1),
        section_images_(ceil_divide(shape.images, wanted_sections())),
        // Fewer than wanted where those have the images already: none is without.
        sections_(ceil_divide(shape.images, section_images_)),
        ranges_(threads == 1
                    ? 1
                    : std::min(ceil_divide(threads * kTasksPerThread, sections_), row_tiles_)),
        range_tiles_(ceil_divide(row_tiles_, ranges_)),
        far_(is_far(shape.images * shape.in_channels * shape.in_plane())) {}

  size_t sections() const { return sections_; }
  size_t ranges() const { return ceil_divide(row_tiles_, range_tiles_); }
  // Of one section: taps, those that no tile lacks, by output channels.
  size_t sums_doubles() const { return row_tiles_ * kernels_.weight_gradient_rows * columns_; }
  size_t columns() const { return columns_; }

  // Where in a band each row of each tile finds its tap.
  size_t offsets_floats() const {
    return whole_lines(row_tiles_ * kernels_.weight_gradient_rows * sizeof(size_t) / sizeof(float));
  }
  void find_offsets(size_t* offsets) const {
    for (size_t i = 0; i < row_tiles_ * kernels_.weight_gradient_rows; i++) {
      // Rows that the last tile has too many repeat its last one.
      const size_t k = std::min(i, rows_ - 1);
      const size_t tap = k % shape_.taps();
      offsets[i] = layout_.offset(k / shape_.taps(), tap / shape_.kernel, tap % shape_.kernel);
    }
  }

  size_t scratch_floats() const {
    return whole_lines(saturating_sum(saturating_product(chunk_images_, layout_.floats()),
                                      saturating_product(chunk_pixels(), columns_)));
  }

  // Adds up one range of tiles over one section.
  void compute(size_t section, size_t range, const size_t* offsets, const float* x, const float* dy,
               float* scratch, double* sums) const {
    const size_t first_tile = range * range_tiles_;
    const size_t last_tile = std::min(row_tiles_, first_tile + range_tiles_);
    std::fill(sums + first_tile * kernels_.weight_gradient_rows * columns_,
              sums + last_tile * kernels_.weight_gradient_rows * columns_, 0.0);
    const size_t first = section * section_images_;
    const size_t end = std::min(shape_.images, first + section_images_);
    for (Chunk chunk = chunk_at(first, 0, end); chunk.images > 0;) {
      const Chunk next = chunk.row + chunk.rows < shape_.out_height()
                             ? chunk_at(chunk.image, chunk.row + chunk.rows, end)
                             : chunk_at(chunk.image + chunk.images, 0, end);
      add_chunk(chunk, next, first_tile, last_tile, offsets, x, dy, scratch, sums);
      chunk = next;
    }
  }

 private:
  // Some rows of the output of one image, or all rows of several.
  struct Chunk {
    size_t image, images;
    size_t row, rows;
  };

  // Without images behind the last one.
  Chunk chunk_at(size_t image, size_t row, size_t end) const {
    return {image, std::min(chunk_images_, end - image), row,
            std::min(chunk_rows_, shape_.out_height() - row)};
  }

  // What the next chunk reads of x, channels from `first` to `last`.
  Ahead x_ahead(const Chunk& next, size_t first, size_t last, const float* x, size_t calls) const {
    const size_t image_floats = shape_.in_channels * shape_.in_plane();
    const float* from = x + next.image * image_floats + first * shape_.in_plane();
    if (next.images == 1) return layout_.ahead(from, last - first, next.row, next.rows, calls);
    return Ahead(from, next.images, (last - first) * shape_.in_plane(), image_floats, calls);
  }
  Ahead dy_ahead(const Chunk& next, const float* dy, size_t calls) const {
    const size_t plane = shape_.out_plane();
    return Ahead(dy + next.image * shape_.out_channels * plane + next.row * shape_.out_width(),
                 next.images * shape_.out_channels, next.rows * shape_.out_width(), plane, calls);
  }

  size_t wanted_sections() const {
    return std::clamp<size_t>(std::min(kSectionDoubles / sums_doubles(),
                                       shape_.images * shape_.out_plane() / kSectionPixels),
                              1, std::min(kMostSections, shape_.images));
  }

  size_t chunk_pixels() const { return chunk_images_ * chunk_rows_ * shape_.out_width(); }

  void add_chunk(const Chunk& chunk, const Chunk& next, size_t first_tile, size_t last_tile,
                 const size_t* offsets, const float* x, const float* dy, float* scratch,
                 double* sums) const {
    const auto [image, images, row, rows] = chunk;
    const size_t tile_rows = kernels_.weight_gradient_rows;
    const size_t first_channel = first_tile * tile_rows / shape_.taps();
    const size_t last_channel =
        std::min(shape_.in_channels, ceil_divide(last_tile * tile_rows, shape_.taps()));
    const size_t image_floats = shape_.in_channels * shape_.in_plane();
    const size_t width = shape_.out_width();
    const size_t count = rows * width;
    float* const bands = scratch;
    float* const pixels = scratch + chunk_images_ * layout_.floats();  // dy, pixel by pixel

    WeightGradientTile tile = {};
    const float* seen = bands;
    tile.image_stride = layout_.is_direct() ? image_floats : layout_.floats();
    for (size_t i = 0; i < images; i++) {
      // Other channels are not seen by these tiles.
      const float* from = x + (image + i) * image_floats;
      if (layout_.is_direct()) {
        if (i == 0) seen = layout_.fill(from, shape_.in_channels, row, rows, nullptr);
      } else {
        layout_.fill(from + first_channel * shape_.in_plane(), last_channel - first_channel, row,
                     rows,
                     bands + i * tile.image_stride + first_channel * layout_.channel_floats());
      }
      const float* gradients =
          dy + (image + i) * shape_.out_channels * shape_.out_plane() + row * width;
      transpose(gradients, count, pixels + i * count * columns_);
    }

    const size_t calls = last_tile - first_tile;
    Ahead x_next, dy_next;
    if (far_ && next.images > 0) {
      x_next = x_ahead(next, first_channel, last_channel, x, calls);
      dy_next = dy_ahead(next, dy, calls);
    }

    tile.images = images;
    tile.rows = rows;
    tile.row_stride = layout_.pitch();
    tile.dy_stride = columns_;
    tile.sums_stride = columns_;
    for (size_t t = first_tile; t < last_tile; t++) {
      tile.offsets = offsets + t * tile_rows;
      x_next.ask();
      dy_next.ask();
      for (size_t column = 0; column < columns_; column += 2 * kernels_.lanes) {
        const auto add = column + kernels_.lanes < columns_ ? kernels_.weight_gradient_tile
                                                            : kernels_.narrow_weight_gradient_tile;
        tile.sums = sums + t * tile_rows * columns_ + column;
        // A row of pixels may be longer than a chunk.
        for (size_t begin = 0; begin < width; begin += kChunk) {
          tile.columns = std::min(kChunk, width - begin);
          tile.x = seen + begin;
          tile.dy = pixels + begin * columns_ + column;
          add(tile);
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
  Sight sight_;
  size_t rows_, row_tiles_, columns_;
  size_t chunk_rows_, chunk_images_;
  BandLayout layout_;
  size_t section_images_, sections_;
  size_t ranges_, range_tiles_;
  bool far_;
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
    const size_t sums_floats = 2 * gradient.sections() * gradient.sums_doubles();
    const size_t shared = whole_lines(sums_floats) + gradient.offsets_floats();
    const size_t slot_floats = gradient.scratch_floats();
    Scratch scratch;
    float* memory =
        scratch.get<float>(saturating_sum(shared, saturating_product(threads, slot_floats)));
    if (memory == nullptr) return Status::kOutOfMemory;
    double* const sums = reinterpret_cast<double*>(memory);
    size_t* const offsets = reinterpret_cast<size_t*>(memory + whole_lines(sums_floats));
    gradient.find_offsets(offsets);
    auto task = [&](size_t index, size_t slot) {
      const size_t section = index / gradient.ranges();
      gradient.compute(section, index % gradient.ranges(), offsets, x, dy,
                       memory + shared + slot * slot_floats,
                       sums + section * gradient.sums_doubles());
    };
    parallel_for(gradient.sections() * gradient.ranges(), threads, task);
    const size_t rows = shape.in_channels * shape.taps();
    for (size_t k = 0; k < rows; k++) {
      for (size_t o = 0; o < shape.out_channels; o++) {
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
