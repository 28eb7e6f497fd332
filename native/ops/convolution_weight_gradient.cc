// The gradients by weights and bias. Images are taken in sections, each of which one task or
// several add up in double, chunk of pixels by chunk; sections are then added in their order.
// Sections and chunks follow from the shape alone.
//
// Lanes are output channels, next to dy transposed chunk by chunk; or pixels, next to dy as it
// lies, where rows of output are whole vectors and that is less work: with sixteen channels, one
// vector of which would need a load for each multiplication, and with few taps, next to which
// transposing is much.
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
// The same where lanes are pixels: dy of a tile's channels stays in the first-level cache, x of all
// channels in the second. Whole vectors, and less in each lane than kChunk.
constexpr size_t kLeastPlanesPixels = 256;
constexpr size_t kMostPlanesPixels = 1024;
constexpr size_t kPlanesFloats = 64 * 1024;
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
        by_planes_(kernels.lanes > 1 && shape.out_width() % kernels.lanes == 0 &&
                   shape.out_channels % kernels.planes_channels == 0 &&
                   (shape.out_channels <= 16 || rows_ <= 32)),
        tile_rows_(by_planes_ ? kernels.planes_taps : kernels.weight_gradient_rows),
        row_tiles_(ceil_divide(rows_, tile_rows_)),
        columns_(ceil_divide(shape.out_channels, kernels.lanes) * kernels.lanes),
        chunk_pixels_(by_planes_ ? planes_pixels() : kChunk),
        chunk_rows_(std::clamp<size_t>(chunk_pixels_ / shape.out_width(), 1, shape.out_height())),
        chunk_images_(std::clamp<size_t>(chunk_pixels_ / shape.out_plane(), 1, shape.images)),
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
  size_t sums_doubles() const { return row_tiles_ * tile_rows_ * columns_; }
  size_t columns() const { return columns_; }

  // Where in a band each row of each tile finds its tap.
  size_t offsets_floats() const {
    return whole_lines(row_tiles_ * tile_rows_ * sizeof(size_t) / sizeof(float));
  }
  void find_offsets(size_t* offsets) const {
    for (size_t i = 0; i < row_tiles_ * tile_rows_; i++) {
      // Rows that the last tile has too many repeat its last one.
      const size_t k = std::min(i, rows_ - 1);
      const size_t tap = k % shape_.taps();
      offsets[i] = layout_.offset(k / shape_.taps(), tap / shape_.kernel, tap % shape_.kernel);
    }
  }

  size_t scratch_floats() const {
    const size_t transposed = by_planes_ ? 0 : chunk_images_ * chunk_rows_ * shape_.out_width();
    return whole_lines(saturating_sum(saturating_product(chunk_images_, layout_.floats()),
                                      saturating_product(transposed, columns_)));
  }

  // Adds up one range of tiles over one section.
  void compute(size_t section, size_t range, const size_t* offsets, const float* x, const float* dy,
               float* scratch, double* sums) const {
    const size_t first_tile = range * range_tiles_;
    const size_t last_tile = std::min(row_tiles_, first_tile + range_tiles_);
    std::fill(sums + first_tile * tile_rows_ * columns_, sums + last_tile * tile_rows_ * columns_,
              0.0);
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

  // As many as have an x, but for the zeros around it, of kPlanesFloats.
  size_t planes_pixels() const {
    const size_t seen =
        saturating_product(shape_.in_channels, saturating_product(shape_.stride, shape_.stride));
    const size_t fitting = kPlanesFloats / seen / kernels_.lanes * kernels_.lanes;
    return std::clamp(fitting, kLeastPlanesPixels, kMostPlanesPixels);
  }

  void add_chunk(const Chunk& chunk, const Chunk& next, size_t first_tile, size_t last_tile,
                 const size_t* offsets, const float* x, const float* dy, float* scratch,
                 double* sums) const {
    // Other channels are not seen by these tiles.
    const size_t first_channel = first_tile * tile_rows_ / shape_.taps();
    const size_t last_channel =
        std::min(shape_.in_channels, ceil_divide(last_tile * tile_rows_, shape_.taps()));
    const float* seen = fill_bands(chunk, first_channel, last_channel, x, scratch);
    const float* gradients = dy + chunk.image * dy_image_floats() + chunk.row * shape_.out_width();
    const size_t calls = last_tile - first_tile;
    Ahead x_next, dy_next;
    if (far_ && next.images > 0) {
      x_next = x_ahead(next, first_channel, last_channel, x, calls);
      dy_next = dy_ahead(next, dy, calls);
    }
    const auto ask = [&] {
      x_next.ask();
      dy_next.ask();
    };
    if (by_planes_) {
      add_planes(chunk, first_tile, last_tile, offsets, seen, gradients, sums, ask);
      return;
    }
    float* const pixels = scratch + chunk_images_ * layout_.floats();
    const size_t count = chunk.rows * shape_.out_width();
    for (size_t i = 0; i < chunk.images; i++) {
      transpose(gradients + i * dy_image_floats(), count, pixels + i * count * columns_);
    }
    add_tiles(chunk, first_tile, last_tile, offsets, seen, pixels, sums, ask);
  }

  // The band of the first image of a chunk, those of the others behind it.
  const float* fill_bands(const Chunk& chunk, size_t first_channel, size_t last_channel,
                          const float* x, float* bands) const {
    const size_t image_floats = shape_.in_channels * shape_.in_plane();
    const float* from = x + chunk.image * image_floats;
    if (layout_.is_direct()) {
      return layout_.fill(from, shape_.in_channels, chunk.row, chunk.rows, nullptr);
    }
    for (size_t i = 0; i < chunk.images; i++) {
      layout_.fill(from + i * image_floats + first_channel * shape_.in_plane(),
                   last_channel - first_channel, chunk.row, chunk.rows,
                   bands + i * image_stride() + first_channel * layout_.channel_floats());
    }
    return bands;
  }
  size_t image_stride() const {
    return layout_.is_direct() ? shape_.in_channels * shape_.in_plane() : layout_.floats();
  }
  size_t dy_image_floats() const { return shape_.out_channels * shape_.out_plane(); }

  // A few output channels after the other: their dy stays near while the taps pass by.
  template <class Ask>
  void add_planes(const Chunk& chunk, size_t first_tile, size_t last_tile, const size_t* offsets,
                  const float* seen, const float* dy, double* sums, const Ask& ask) const {
    const size_t width = shape_.out_width();
    WeightGradientPlanes planes = {};
    planes.images = chunk.images;
    planes.image_stride = image_stride();
    planes.rows = chunk.rows;
    planes.row_stride = layout_.pitch();
    planes.dy_image_stride = dy_image_floats();
    planes.dy_channel_stride = shape_.out_plane();
    planes.dy_row_stride = width;
    planes.sums_stride = columns_;
    for (size_t column = 0; column < shape_.out_channels; column += kernels_.planes_channels) {
      for (size_t t = first_tile; t < last_tile; t++) {
        planes.offsets = offsets + t * tile_rows_;
        planes.sums = sums + t * tile_rows_ * columns_ + column;
        if (column == 0) ask();
        // A row of pixels may be longer than a chunk.
        for (size_t begin = 0; begin < width; begin += chunk_pixels_) {
          planes.columns = std::min(chunk_pixels_, width - begin);
          planes.x = seen + begin;
          planes.dy = dy + column * shape_.out_plane() + begin;
          kernels_.weight_gradient_planes(planes);
        }
      }
    }
  }

  // `dy` pixel by pixel.
  template <class Ask>
  void add_tiles(const Chunk& chunk, size_t first_tile, size_t last_tile, const size_t* offsets,
                 const float* seen, const float* dy, double* sums, const Ask& ask) const {
    const size_t width = shape_.out_width();
    WeightGradientTile tile = {};
    tile.images = chunk.images;
    tile.image_stride = image_stride();
    tile.rows = chunk.rows;
    tile.row_stride = layout_.pitch();
    tile.dy_stride = columns_;
    tile.sums_stride = columns_;
    for (size_t t = first_tile; t < last_tile; t++) {
      tile.offsets = offsets + t * tile_rows_;
      ask();
      for (size_t column = 0; column < columns_; column += 2 * kernels_.lanes) {
        const auto add = column + kernels_.lanes < columns_ ? kernels_.weight_gradient_tile
                                                            : kernels_.narrow_weight_gradient_tile;
        tile.sums = sums + t * tile_rows_ * columns_ + column;
        for (size_t begin = 0; begin < width; begin += chunk_pixels_) {
          tile.columns = std::min(chunk_pixels_, width - begin);
          tile.x = seen + begin;
          tile.dy = dy + begin * columns_ + column;
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
  size_t rows_;
  bool by_planes_;
  size_t tile_rows_, row_tiles_, columns_;
  size_t chunk_pixels_, chunk_rows_, chunk_images_;
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
