#include "ops/convolution.h"

#include <algorithm>
#include <cstdint>

#include "ops/convolution_tasks.h"
#include "ops/correlation.h"
#include "ops/scratch.h"

namespace batchnorm {

Status convolution(const Kernels& kernels, const ConvolutionShape& shape, const float* x,
                   const float* weight, const float* bias, float* y) {
  const size_t plane = shape.out_plane();
  const size_t out_channels = shape.groups * shape.out_channels;
  if (shape.images == 0 || out_channels == 0 || plane == 0) return Status::kOk;
  if (shape.in_channels == 0) {
    for (size_t i = 0; i < shape.images * out_channels; i++) {
      std::fill(y + i * plane, y + (i + 1) * plane,
                bias == nullptr ? 0.0f : bias[i % out_channels]);
    }
    return Status::kOk;
  }
  const size_t threads = threads_of(shape);
  const InputWindow window = input_window(shape);
  const size_t rows = rows_per_band(window, shape.images * shape.groups, threads);
  const size_t bands = ceil_divide(window.out_rows, rows);
  const PatchLayout layout = PatchLayout::plan(window, rows, kernels.lanes);
  const KernelSlice whole = {{0, shape.rows.kernel, 1}, {0, shape.columns.kernel, 1}};
  const Correlation correlation(kernels, window, whole, layout, shape.groups, shape.out_channels);

  Scratch scratch;
  const size_t offsets_floats = correlation.offsets_floats();
  const size_t group_floats = correlation.weights_floats();
  const size_t shared =
      saturating_sum(offsets_floats, saturating_product(shape.groups, group_floats));
  const size_t band_floats = layout.floats();
  float* const offsets =
      scratch.get<float>(saturating_sum(shared, saturating_product(threads, band_floats)));
  if (offsets == nullptr) return Status::kOutOfMemory;
  correlation.find_offsets(offsets);
  float* const packed = offsets + offsets_floats;
  for (size_t group = 0; group < shape.groups; group++) {
    correlation.pack_rows(weight + group * shape.group_weights(), packed + group * group_floats);
  }
  const size_t all_bands = shape.images * shape.groups * bands;
  const size_t calls = correlation.calls(rows);
  const bool far = is_far(shape.images * shape.in_image());
  // Some rows of output of one group of one image; `x` points to its first channel.
  struct Band {
    const float* x;
    size_t first, rows;
  };
  const auto band_of = [&](size_t index) {
    const size_t first = index % bands * rows;
    return Band{x + index / bands * shape.in_group(), first,
                std::min(rows, window.out_rows - first)};
  };
  const auto compute = [&](size_t index, size_t slot) {
    Prefetch prefetch;
    if (far && index + 1 < all_bands) {
      const Band next = band_of(index + 1);
      prefetch = layout.prefetch(next.x, shape.in_channels, next.first, next.rows, calls);
    }
    const Band band = band_of(index);
    const float* patches = layout.fill(band.x, shape.in_channels, band.first, band.rows,
                                       offsets + shared + slot * band_floats);
    const size_t group = index / bands % shape.groups;
    const float* biases = bias == nullptr ? nullptr : bias + group * shape.out_channels;
    float* to = y + index / bands * shape.out_group() + band.first * window.out_columns;
    correlation.compute(patches, offsets, packed + group * group_floats, biases, band.rows, to,
                        plane, prefetch);
  };
  const size_t per_task =
      shape.groups == 1
          ? 1
          : bands_per_task(all_bands, shape.in_channels * rows * shape.width(), threads);
  auto task = [&](size_t index, size_t slot) {
    const size_t end = std::min(all_bands, (index + 1) * per_task);
    for (size_t band = index * per_task; band < end; band++) compute(band, slot);
  };
  parallel_for(ceil_divide(all_bands, per_task), threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
