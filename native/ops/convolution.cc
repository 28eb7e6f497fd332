#include "ops/convolution.h"

#include <algorithm>
#include <cstdint>

#include "ops/convolution_tasks.h"
#include "ops/correlation.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

class Convolution {
 public:
  Convolution(const Kernels& kernels, const ConvolutionShape& shape, size_t threads)
      : kernels_(kernels),
        shape_(shape),
        window_(input_window(shape)),
        kernel_(Correlation::kernel_for(kernels, window_, shape.groups, shape.out_channels,
                                        shape.in_channels * shape.taps())),
        division_(divide(kernels, threads)),
        layout_(Correlation::layout_for(kernels, kernel_, window_, division_.rows)),
        blocks_(divide_groups(threads)),
        correlation_(kernels, window_, {{0, shape.rows.kernel, 1}, {0, shape.columns.kernel, 1}},
                     layout_, kernel_, shape.out_channels) {}

  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;

  size_t weights_floats() const {
    return saturating_product(shape_.groups, correlation_.weights_floats());
  }

  void pack(const float* weight, float* packed, size_t threads) const {
    const size_t strips = correlation_.strips();
    const size_t per_task = threads == 1 ? strips : 1;
    const size_t tasks = ceil_divide(strips, per_task);
    auto task = [&](size_t index, size_t) {
      const size_t group = index / tasks;
      const size_t first = index % tasks * per_task;
      correlation_.pack_rows(weight + group * shape_.group_weights(), first, first + per_task,
                             packed + group * correlation_.weights_floats());
    };
    parallel_for(shape_.groups * tasks, threads, task);
  }

  Status compute(const ConvolutionArguments& arguments, size_t threads) const {
    const size_t chunk = shares_bands() ? chunk_bands(threads) : 0;
    const size_t packed_floats = arguments.is_packed ? 0 : weights_floats();
    const size_t offsets_floats = correlation_.offsets_floats();
    Scratch scratch;
    float* const offsets = scratch.get<float>(saturating_sum(
        saturating_sum(offsets_floats, packed_floats),
        saturating_sum(saturating_product(threads, slot_floats()),
                       saturating_product(chunk, layout_.floats(shape_.in_channels)))));
    if (offsets == nullptr) return Status::kOutOfMemory;
    correlation_.find_offsets(offsets);
    float* const packed = offsets + offsets_floats;
    float* const slots = packed + packed_floats;
    if (!arguments.is_packed) {
      pack(arguments.weight, packed, std::min(threads, threads_for(packed_floats)));
    }
    const Call call = {arguments, offsets, arguments.is_packed ? arguments.weight : packed, slots};
    if (shares_bands()) {
      compute_in_chunks(call, chunk, slots + threads * slot_floats(), threads);
    } else {
      compute_each(call, threads);
    }
    return Status::kOk;
  }

 private:
  // Shared by all tasks.
  struct Call {
    const ConvolutionArguments& arguments;
    const float* offsets;
    const float* packed;
    float* slots;  // slot_floats() floats for each thread
  };

  // Some rows of output of one block of groups of one image; `x` points to its first channel.
  struct Band {
    const float* x;
    size_t group, groups;  // the first group, counting those of all images
    size_t first, rows;
  };

  size_t all_bands() const { return shape_.images * blocks_.per_image() * division_.bands; }
  // Whether several tasks read a band, which is filled before they start.
  bool shares_bands() const { return division_.parts > 1 && !layout_.is_direct; }
  // Memory of a thread: sums, then a band unless bands are shared.
  size_t slot_floats() const {
    return saturating_sum(correlation_.sums_floats(division_.rows),
                          shares_bands() ? 0 : layout_.floats(blocks_.block * shape_.in_channels));
  }

  // Bands that are filled together: enough to keep all threads busy, and more, so that a part of
  // the weights is used often.
  size_t chunk_bands(size_t threads) const {
    constexpr size_t kFloats = 1024 * 1024;
    const size_t fitting = kFloats / std::max<size_t>(1, layout_.floats(shape_.in_channels));
    return std::min(all_bands(), std::max(4 * threads, fitting));
  }

  void compute_in_chunks(const Call& call, size_t chunk, float* memory, size_t threads) const {
    const size_t bands = all_bands();
    const auto memory_of = [&](size_t index) {
      return memory + index * layout_.floats(shape_.in_channels);
    };
    for (size_t first = 0; first < bands; first += chunk) {
      const size_t count = std::min(chunk, bands - first);
      auto fill_band = [&](size_t index, size_t) { fill(call, first + index, memory_of(index)); };
      parallel_for(count, threads, fill_band);
      auto task = [&](size_t index, size_t slot) {
        const size_t band = index % count;
        compute(call, first + band, index / count, memory_of(band),
                call.slots + slot * slot_floats(), Prefetch());
      };
      parallel_for(count * division_.parts, threads, task);
    }
  }

  // Each task fills the bands that it computes, or reads them in place.
  void compute_each(const Call& call, size_t threads) const {
    const size_t bands = all_bands();
    const bool far = is_far(shape_.images * shape_.in_image());
    const size_t calls = correlation_.calls(division_.rows, blocks_.block);
    const auto compute_band = [&](size_t index, size_t part, float* sums) {
      Prefetch prefetch;
      if (far && division_.parts == 1 && index + 1 < bands) {
        const Band next = band_of(call.arguments.x, index + 1);
        prefetch = layout_.prefetch(next.x, next.groups * shape_.in_channels, next.first, next.rows,
                                    calls);
      }
      float* const memory = sums + correlation_.sums_floats(division_.rows);
      compute(call, index, part, fill(call, index, memory), sums, prefetch);
    };
    const size_t per_task =
        shape_.groups == 1
            ? 1
            : bands_per_task(bands,
                             blocks_.block * shape_.in_channels * division_.rows * shape_.width(),
                             threads);
    const size_t tasks = ceil_divide(bands, per_task);
    auto task = [&](size_t index, size_t slot) {
      const size_t first = index % tasks * per_task;
      const size_t end = std::min(bands, first + per_task);
      for (size_t band = first; band < end; band++) {
        compute_band(band, index / tasks, call.slots + slot * slot_floats());
      }
    };
    parallel_for(tasks * division_.parts, threads, task);
  }

  Division divide(const Kernels& kernels, size_t threads) const {
    const size_t width = kernel_ == Correlation::Kernel::kChannels ? kernels.channel_tile_channels
                                                                   : kernels.convolution_rows;
    const size_t strips = shape_.groups > 1 ? 1 : ceil_divide(shape_.out_channels, width);
    return divide_convolution(window_, shape_.images * shape_.groups, strips,
                              saturating_product(width, shape_.in_channels * shape_.taps()),
                              threads);
  }

  // Only bands of whole planes hold several groups.
  GroupBlocks divide_groups(size_t threads) const {
    if (kernel_ != Correlation::Kernel::kPlane || division_.bands > 1) return {shape_.groups, 1};
    return blocks_of_planes(shape_.groups, shape_.images,
                            saturating_product(shape_.in_channels, layout_.channel_floats),
                            kCachedBlock, threads);
  }

  Band band_of(const float* x, size_t index) const {
    const size_t block = index / division_.bands;
    const size_t group = blocks_.first(block);
    const size_t first = index % division_.bands * division_.rows;
    return {x + group * shape_.in_group(), group, blocks_.size(block), first,
            std::min(division_.rows, window_.out_rows - first)};
  }

  const float* fill(const Call& call, size_t index, float* memory) const {
    const Band band = band_of(call.arguments.x, index);
    return layout_.fill(kernels_, band.x, band.groups * shape_.in_channels, band.first, band.rows,
                        memory);
  }

  void compute(const Call& call, size_t index, size_t part, const float* patches, float* sums,
               Prefetch prefetch) const {
    const auto& [x, weight, bias, y, is_packed, residual, relu] = call.arguments;
    const size_t strips = correlation_.strips();
    const Band rows = band_of(x, index);
    const size_t group = rows.group % shape_.groups;
    const size_t to = rows.group * shape_.out_group() + rows.first * window_.out_columns;
    CorrelatedBand band = {};
    band.band = patches;
    band.offsets = call.offsets;
    band.packed = call.packed + group * correlation_.weights_floats();
    band.bias = bias == nullptr ? nullptr : bias + group * shape_.out_channels;
    band.groups = rows.groups;
    band.packed_group = correlation_.weights_floats();
    band.rows = rows.rows;
    band.y = y + to;
    band.y_plane = shape_.out_plane();
    band.first = part * strips / division_.parts;
    band.last = (part + 1) * strips / division_.parts;
    band.sums = sums;
    correlation_.compute(band, prefetch);
    if (residual == nullptr && !relu) return;
    // The band is still in the second-level cache.
    const size_t width = correlation_.strip_channels();
    const size_t first = band.first * width;
    const size_t channels =
        rows.groups * (std::min(shape_.out_channels, band.last * width) - first);
    const size_t pixels = rows.rows * window_.out_columns;
    // Whole planes are one line.
    const size_t lines = pixels == band.y_plane ? 1 : channels;
    const size_t length = pixels == band.y_plane ? channels * pixels : pixels;
    for (size_t i = 0; i < lines; i++) {
      const size_t line = to + (first + i) * band.y_plane;
      if (residual != nullptr) kernels_.add.tensor(y + line, residual + line, y + line, length);
      if (relu) kernels_.relu(y + line, y + line, length);
    }
  }

  const Kernels& kernels_;
  const ConvolutionShape& shape_;
  const InputWindow window_;
  const Correlation::Kernel kernel_;
  const Division division_;
  const PatchLayout layout_;
  const GroupBlocks blocks_;
  const Correlation correlation_;
};

// The result where there are no products to add.
void fill_with_bias(const Kernels& kernels, const ConvolutionShape& shape,
                    const ConvolutionArguments& arguments) {
  const size_t plane = shape.out_plane();
  const size_t channels = shape.groups * shape.out_channels;
  for (size_t i = 0; i < shape.images * channels; i++) {
    float* const y = arguments.y + i * plane;
    std::fill(y, y + plane, arguments.bias == nullptr ? 0.0f : arguments.bias[i % channels]);
    if (arguments.residual != nullptr) {
      kernels.add.tensor(y, arguments.residual + i * plane, y, plane);
    }
    if (arguments.relu) kernels.relu(y, y, plane);
  }
}

ConvolutionShape one_image(ConvolutionShape shape) {
  shape.images = 1;
  return shape;
}

}  // namespace

Status convolution(const Kernels& kernels, const ConvolutionShape& shape,
                   const ConvolutionArguments& arguments) {
  const size_t outputs = shape.images * shape.out_image();
  if (outputs == 0) return Status::kOk;
  if (shape.in_channels == 0) {
    fill_with_bias(kernels, shape, arguments);
    return Status::kOk;
  }
  const size_t threads = threads_of(shape);
  return Convolution(kernels, shape, threads).compute(arguments, threads);
}

size_t packed_convolution_weights(const Kernels& kernels, const ConvolutionShape& shape) {
  const ConvolutionShape image = one_image(shape);
  return image.in_channels * image.out_image() == 0
             ? 0
             : Convolution(kernels, image, 1).weights_floats();
}

void pack_convolution_weights(const Kernels& kernels, const ConvolutionShape& shape,
                              const float* weight, float* packed) {
  const ConvolutionShape image = one_image(shape);
  if (image.in_channels * image.out_image() == 0) return;
  Convolution(kernels, image, 1).pack(weight, packed, threads_for(shape.group_weights()));
}

}  // namespace batchnorm
