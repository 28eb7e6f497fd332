// The gradients of a convolution with respect to its weights and bias. weight_gradient_plan.h
// explains how the sums are divided.
#include <algorithm>

#include "ops/convolution.h"
#include "ops/convolution_tasks.h"
#include "ops/pack.h"
#include "ops/scratch.h"
#include "ops/weight_gradient_plan.h"

namespace batchnorm {

namespace {

class WeightGradient {
 public:
  WeightGradient(const Kernels& kernels, const ConvolutionShape& shape,
                 const WeightGradientPlan& plan, const size_t* offsets)
      : kernels_(kernels),
        shape_(shape),
        plan_(plan),
        offsets_(offsets),
        far_(is_far(shape.images * shape.in_image())) {}

  // Sums one range of tiles of `groups` groups over one section. x and dy begin with the first
  // channel of the first group, and `sums` with its sums; those of the next group are
  // group_doubles() behind.
  void compute(size_t section, size_t range, size_t groups, const float* x, const float* dy,
               float* scratch, double* sums) const {
    const size_t first_tile = range * plan_.range_tiles;
    const size_t last_tile = std::min(plan_.tiles, first_tile + plan_.range_tiles);
    const size_t tile_doubles = plan_.tile_taps * plan_.columns;
    for (size_t group = 0; group < groups; group++) {
      double* const of_group = sums + group * plan_.group_doubles();
      std::fill(of_group + first_tile * tile_doubles, of_group + last_tile * tile_doubles, 0.0);
    }
    const size_t first = section * plan_.section_images;
    const size_t end = std::min(shape_.images, first + plan_.section_images);
    for (PixelChunk chunk = chunk_at(first, 0, end); chunk.images > 0;) {
      const PixelChunk next = chunk.row + chunk.rows < shape_.out_height()
                                  ? chunk_at(chunk.image, chunk.row + chunk.rows, end)
                                  : chunk_at(chunk.image + chunk.images, 0, end);
      add_chunk(chunk, next, first_tile, last_tile, groups, x, dy, scratch, sums);
      chunk = next;
    }
  }

 private:
  PixelChunk chunk_at(size_t image, size_t row, size_t end) const {
    return plan_.chunk_at(shape_, image, row, end);
  }

  // Prefetches the part of x that the next chunk reads, channels first .. last - 1.
  Prefetch prefetch_x(const PixelChunk& next, size_t first, size_t last, const float* x,
                      size_t calls) const {
    const size_t image_floats = shape_.in_image();
    const float* from = x + next.image * image_floats + first * shape_.in_plane();
    if (next.images == 1) {
      return plan_.layout.prefetch(from, last - first, next.row, next.rows, calls);
    }
    return Prefetch(from, next.images, (last - first) * shape_.in_plane(), image_floats, calls);
  }
  Prefetch prefetch_dy(const PixelChunk& next, size_t groups, const float* dy, size_t calls) const {
    const float* from = dy + next.image * dy_image_floats() + next.row * shape_.out_width();
    const size_t length = next.rows * shape_.out_width();
    const size_t channels = groups * shape_.out_channels;
    if (next.images == 1) return Prefetch(from, channels, length, shape_.out_plane(), calls);
    return Prefetch(from, next.images, channels * shape_.out_plane(), dy_image_floats(), calls);
  }

  void add_chunk(const PixelChunk& chunk, const PixelChunk& next, size_t first_tile,
                 size_t last_tile, size_t groups, const float* x, const float* dy, float* scratch,
                 double* sums) const {
    // The input channels that these tiles read; several groups are read whole.
    const size_t first_channel = groups > 1 ? 0 : first_tile * plan_.tile_taps / shape_.taps();
    const size_t last_channel =
        groups > 1
            ? groups * shape_.in_channels
            : std::min(shape_.in_channels, ceil_divide(last_tile * plan_.tile_taps, shape_.taps()));
    const float* patches = fill_bands(chunk, first_channel, last_channel, x, scratch);
    const float* gradients = dy + chunk.image * dy_image_floats() + chunk.row * shape_.out_width();
    const size_t calls = groups * (last_tile - first_tile);
    Prefetch x_next, dy_next;
    if (far_ && next.images > 0) {
      x_next = prefetch_x(next, first_channel, last_channel, x, calls);
      dy_next = prefetch_dy(next, groups, dy, calls);
    }
    const auto prefetch = [&] {
      x_next.advance();
      dy_next.advance();
    };
    if (plan_.kernel == WeightGradientPlan::Kernel::kPlanes) {
      add_planes(chunk, first_tile, last_tile, patches, gradients, sums, prefetch);
      return;
    }
    if (plan_.kernel == WeightGradientPlan::Kernel::kPlane) {
      const size_t group_floats = plan_.layout.is_direct
                                      ? shape_.in_group()
                                      : shape_.in_channels * plan_.layout.channel_floats;
      for (size_t group = 0; group < groups; group++) {
        add_plane(chunk, first_tile, last_tile, patches + group * group_floats,
                  gradients + group * shape_.out_group(), sums + group * plan_.group_doubles(),
                  prefetch);
      }
      return;
    }
    float* const pixels = scratch + plan_.chunk_images * plan_.image_floats(shape_);
    const size_t count = chunk.rows * shape_.out_width();
    transpose(chunk, count, gradients, pixels);
    add_tiles(chunk, first_tile, last_tile, patches, pixels, sums, prefetch);
  }

  // Fills the bands of a chunk's images, which are image_stride() apart.
  const float* fill_bands(const PixelChunk& chunk, size_t first_channel, size_t last_channel,
                          const float* x, float* bands) const {
    const size_t image_floats = shape_.in_image();
    const float* from = x + chunk.image * image_floats;
    if (plan_.layout.is_direct) {
      return plan_.layout.fill(kernels_, from, shape_.in_channels, chunk.row, chunk.rows, nullptr);
    }
    for (size_t i = 0; i < chunk.images; i++) {
      plan_.layout.fill(kernels_, from + i * image_floats + first_channel * shape_.in_plane(),
                        last_channel - first_channel, chunk.row, chunk.rows,
                        bands + i * image_stride() + first_channel * plan_.layout.channel_floats);
    }
    return bands;
  }
  size_t image_stride() const {
    return plan_.layout.is_direct ? shape_.in_image() : plan_.image_floats(shape_);
  }
  size_t dy_image_floats() const { return shape_.out_image(); }

  // Processes a few output channels at a time, so that their dy stays in the cache for all taps.
  template <class Advance>
  void add_planes(const PixelChunk& chunk, size_t first_tile, size_t last_tile,
                  const float* patches, const float* dy, double* sums,
                  const Advance& prefetch) const {
    const size_t width = shape_.out_width();
    WeightGradientPlanes planes = {};
    planes.images = chunk.images;
    planes.image_stride = image_stride();
    planes.rows = chunk.rows;
    planes.row_stride = plan_.layout.pitch;
    planes.dy_image_stride = dy_image_floats();
    planes.dy_channel_stride = shape_.out_plane();
    planes.dy_row_stride = width;
    planes.sums_stride = plan_.columns;
    for (size_t column = 0; column < shape_.out_channels; column += kernels_.planes_channels) {
      for (size_t t = first_tile; t < last_tile; t++) {
        planes.offsets = offsets_ + t * plan_.tile_taps;
        planes.sums = sums + t * plan_.tile_taps * plan_.columns + column;
        if (column == 0) prefetch();
        // A row of pixels may be longer than a chunk.
        for (size_t begin = 0; begin < width; begin += plan_.chunk_pixels) {
          planes.columns = std::min(plan_.chunk_pixels, width - begin);
          planes.x = patches + begin;
          planes.dy = dy + column * shape_.out_plane() + begin;
          kernels_.weight_gradient_planes(planes);
        }
      }
    }
  }

  // Processes one output channel at a time.
  template <class Advance>
  void add_plane(const PixelChunk& chunk, size_t first_tile, size_t last_tile, const float* patches,
                 const float* dy, double* sums, const Advance& prefetch) const {
    const size_t width = shape_.out_width();
    // Rows without gaps are one line.
    const bool flat = plan_.layout.is_flat();
    const size_t length = flat ? chunk.rows * width : width;
    WeightGradientPlane plane = {};
    plane.images = chunk.images;
    plane.image_stride = image_stride();
    plane.rows = flat ? 1 : chunk.rows;
    plane.row_stride = plan_.layout.pitch;
    plane.dy_image_stride = dy_image_floats();
    plane.dy_row_stride = width;
    plane.sums_stride = plan_.columns;
    for (size_t t = first_tile; t < last_tile; t++) {
      plane.offsets = offsets_ + t * plan_.tile_taps;
      prefetch();
      for (size_t channel = 0; channel < shape_.out_channels; channel++) {
        plane.sums = sums + t * plan_.tile_taps * plan_.columns + channel;
        for (size_t begin = 0; begin < length; begin += plan_.chunk_pixels) {
          plane.columns = std::min(plan_.chunk_pixels, length - begin);
          plane.x = patches + begin;
          plane.dy = dy + channel * shape_.out_plane() + begin;
          kernels_.weight_gradient_plane(plane);
        }
      }
    }
  }

  // Channels that a tile reads: a strip of the transposed dy, in which they are contiguous. The
  // last strip may be a single vector wide.
  size_t strip_width(size_t column) const {
    return std::min(2 * kernels_.lanes, plan_.columns - column);
  }

  // `dy` is transposed, one strip of channels after the other. All tiles use a strip before the
  // next one, so that it stays in the first-level cache.
  template <class Advance>
  void add_tiles(const PixelChunk& chunk, size_t first_tile, size_t last_tile, const float* patches,
                 const float* dy, double* sums, const Advance& prefetch) const {
    const size_t width = shape_.out_width();
    const size_t pixels = chunk.images * chunk.rows * width;
    WeightGradientTile tile = {};
    tile.images = chunk.images;
    tile.image_stride = image_stride();
    tile.rows = chunk.rows;
    tile.row_stride = plan_.layout.pitch;
    tile.sums_stride = plan_.columns;
    for (size_t column = 0; column < plan_.columns; column += 2 * kernels_.lanes) {
      tile.dy_stride = strip_width(column);
      const auto add = tile.dy_stride > kernels_.lanes ? kernels_.weight_gradient_tile
                                                       : kernels_.narrow_weight_gradient_tile;
      for (size_t t = first_tile; t < last_tile; t++) {
        tile.offsets = offsets_ + t * plan_.tile_taps;
        if (column == 0) prefetch();
        tile.sums = sums + t * plan_.tile_taps * plan_.columns + column;
        for (size_t begin = 0; begin < width; begin += plan_.chunk_pixels) {
          tile.columns = std::min(plan_.chunk_pixels, width - begin);
          tile.x = patches + begin;
          tile.dy = dy + column * pixels + begin * tile.dy_stride;
          add(tile);
        }
      }
    }
  }

  // Transposes dy of the images of a chunk, `pixels` pixels each, into strips of channels.
  void transpose(const PixelChunk& chunk, size_t pixels, const float* dy, float* to) const {
    for (size_t column = 0; column < plan_.columns; column += 2 * kernels_.lanes) {
      const size_t width = strip_width(column);
      const size_t channels =
          std::min(width, shape_.out_channels - std::min(shape_.out_channels, column));
      for (size_t image = 0; image < chunk.images; image++) {
        transpose_strip(dy + image * dy_image_floats() + column * shape_.out_plane(), pixels,
                        channels, width, to);
        to += pixels * width;
      }
    }
  }

  // Transposes from channel-major to pixel-major order, with zeros after the last channel.
  void transpose_strip(const float* dy, size_t pixels, size_t channels, size_t columns,
                       float* to) const {
    const size_t plane = shape_.out_plane();
    size_t pixel = 0;
    for (; pixel + 4 <= pixels; pixel += 4) {
      size_t channel = 0;
      for (; channel + 4 <= channels; channel += 4) {
        transpose_4x4(dy + channel * plane + pixel, plane, to + pixel * columns + channel, columns);
      }
      for (; channel < channels; channel++) {
        for (size_t i = 0; i < 4; i++) {
          to[(pixel + i) * columns + channel] = dy[channel * plane + pixel + i];
        }
      }
    }
    for (; pixel < pixels; pixel++) {
      for (size_t channel = 0; channel < channels; channel++) {
        to[pixel * columns + channel] = dy[channel * plane + pixel];
      }
    }
    if (columns == channels) return;
    for (size_t i = 0; i < pixels; i++) {
      std::fill(to + i * columns + channels, to + (i + 1) * columns, 0.0f);
    }
  }

  const Kernels& kernels_;
  const ConvolutionShape& shape_;
  const WeightGradientPlan& plan_;
  const size_t* offsets_;
  bool far_;
};

// Adds the sums of a group's sections in order, so that the bits do not depend on the threads.
void add_sections(const ConvolutionShape& shape, const WeightGradientPlan& plan, const double* sums,
                  float* dweight) {
  for (size_t k = 0; k < plan.taps; k++) {
    for (size_t o = 0; o < shape.out_channels; o++) {
      double sum = 0;
      for (size_t section = 0; section < plan.sections; section++) {
        sum += sums[section * plan.sums_doubles() + k * plan.columns + o];
      }
      dweight[o * plan.taps + k] = static_cast<float>(sum);
    }
  }
}

void bias_gradient(const Kernels& kernels, const ConvolutionShape& shape, size_t threads,
                   const float* dy, float* dbias) {
  const size_t plane = shape.out_plane();
  auto task = [&](size_t channel, size_t) {
    double sum = 0;
    for (size_t image = 0; image < shape.images; image++) {
      sum += kernels.sum(dy + image * shape.out_image() + channel * plane, plane);
    }
    dbias[channel] = static_cast<float>(sum);
  };
  parallel_for(shape.groups * shape.out_channels, threads, task);
}

Status weight_gradient(const Kernels& kernels, const ConvolutionShape& shape, size_t threads,
                       const float* x, const float* dy, float* dweight) {
  const WeightGradientPlan plan = WeightGradientPlan::plan(kernels, shape, threads);
  const size_t sums_floats = saturating_product(2 * shape.groups, plan.group_doubles());
  const size_t shared = saturating_sum(whole_lines(sums_floats), plan.offsets_floats());
  const size_t slot_floats = plan.scratch_floats(shape);
  Scratch scratch;
  float* memory =
      scratch.get<float>(saturating_sum(shared, saturating_product(threads, slot_floats)));
  if (memory == nullptr) return Status::kOutOfMemory;
  double* const sums = reinterpret_cast<double*>(memory);
  size_t* const offsets = reinterpret_cast<size_t*>(memory + whole_lines(sums_floats));
  plan.find_offsets(shape, offsets);
  const WeightGradient gradient(kernels, shape, plan, offsets);
  const size_t ranges = plan.ranges();
  auto task = [&](size_t index, size_t slot) {
    const size_t block = index / ranges / plan.sections;
    const size_t section = index / ranges % plan.sections;
    const size_t group = plan.blocks.first(block);
    gradient.compute(section, index % ranges, plan.blocks.size(block), x + group * shape.in_group(),
                     dy + group * shape.out_group(), memory + shared + slot * slot_floats,
                     sums + group * plan.group_doubles() + section * plan.sums_doubles());
  };
  parallel_for(plan.blocks.per_image() * plan.sections * ranges, threads, task);
  for (size_t group = 0; group < shape.groups; group++) {
    add_sections(shape, plan, sums + group * plan.group_doubles(),
                 dweight + group * shape.group_weights());
  }
  return Status::kOk;
}

}  // namespace

Status convolution_weight_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                   const float* x, const float* dy, float* dweight, float* dbias) {
  const size_t channels = shape.groups * shape.out_channels;
  if (channels == 0) return Status::kOk;
  const size_t weights = dweight == nullptr ? 0 : shape.groups * shape.group_weights();
  if (shape.images == 0 || shape.out_plane() == 0) {
    std::fill_n(dweight, weights, 0.0f);
    if (dbias != nullptr) std::fill_n(dbias, channels, 0.0f);
    return Status::kOk;
  }
  const size_t threads = threads_of(shape);
  if (weights > 0) {
    const Status status = weight_gradient(kernels, shape, threads, x, dy, dweight);
    if (status != Status::kOk) return status;
  }
  if (dbias != nullptr) bias_gradient(kernels, shape, threads, dy, dbias);
  return Status::kOk;
}

}  // namespace batchnorm
