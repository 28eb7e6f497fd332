#include "ops/convolution.h"

#include <algorithm>
#include <cstdint>

#include "ops/convolution_tasks.h"
#include "ops/correlation.h"
#include "ops/scratch.h"

namespace batchnorm {

Status convolution(const Kernels& kernels, const ConvolutionShape& shape, const float* x,
                   const float* weight, const float* bias, float* y) {
  if (shape.images == 0 || shape.out_channels == 0) return Status::kOk;
  const size_t plane = shape.out_plane();
  if (shape.in_channels == 0) {
    for (size_t i = 0; i < shape.images * shape.out_channels; i++) {
      std::fill(y + i * plane, y + (i + 1) * plane,
                bias == nullptr ? 0.0f : bias[i % shape.out_channels]);
    }
    return Status::kOk;
  }
  const size_t threads = threads_of(shape);
  const InputWindow window = input_window(shape);
  const size_t rows = rows_per_band(window, shape.images, threads);
  const size_t bands = ceil_divide(window.out_rows, rows);
  const PatchLayout layout = PatchLayout::plan(window, rows, kernels.lanes);
  const Correlation correlation(kernels, window, {0, shape.kernel, 0, shape.kernel}, layout,
                                shape.out_channels);

  Scratch scratch;
  const size_t weights = correlation.packed_floats();
  const size_t band_floats = layout.floats();
  float* packed =
      scratch.get<float>(saturating_sum(weights, saturating_product(threads, band_floats)));
  if (packed == nullptr) return Status::kOutOfMemory;
  correlation.pack_rows(weight, packed);
  const size_t tasks = shape.images * bands;
  const size_t calls = correlation.tiles(rows);
  const bool far = is_far(shape.images * shape.in_channels * shape.in_plane());
  // Some rows of output of one image; `image` points to its first channel.
  struct Band {
    const float* image;
    size_t first, rows;
  };
  const auto band_of = [&](size_t index) {
    const size_t first = index % bands * rows;
    return Band{x + index / bands * shape.in_channels * shape.in_plane(), first,
                std::min(rows, window.out_rows - first)};
  };
  auto task = [&](size_t index, size_t slot) {
    Prefetch prefetch;
    if (far && index + 1 < tasks) {
      const Band next = band_of(index + 1);
      prefetch = layout.prefetch(next.image, shape.in_channels, next.first, next.rows, calls);
    }
    const Band band = band_of(index);
    const float* patches = layout.fill(band.image, shape.in_channels, band.first, band.rows,
                                       packed + weights + slot * band_floats);
    float* to = y + index / bands * shape.out_channels * plane + band.first * window.out_columns;
    correlation.compute(patches, packed, bias, band.rows, to, plane, prefetch);
  };
  parallel_for(tasks, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
