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
  const Taps taps = {shape.kernel, -static_cast<ptrdiff_t>(shape.padding)};
  const Sight sight = {shape.in_channels, shape.height, shape.width, shape.out_height(),
                       shape.out_width(), shape.stride, taps,        taps};
  const size_t rows = rows_at_a_time(sight, shape.images, threads);
  const size_t bands = ceil_divide(sight.out_rows, rows);
  const BandLayout layout(sight, rows, kernels.lanes);
  const Correlation correlation(kernels, sight, {0, shape.kernel, 0, shape.kernel}, layout,
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
  auto task = [&](size_t index, size_t slot) {
    // function(image, first row, rows) of a task
    const auto with_band = [&](size_t of, const auto& function) {
      const size_t first = of % bands * rows;
      return function(x + of / bands * shape.in_channels * shape.in_plane(), first,
                      std::min(rows, sight.out_rows - first));
    };
    Ahead ahead;
    if (index + 1 < tasks) {
      ahead = with_band(index + 1, [&](const float* image, size_t first, size_t count) {
        return layout.ahead(image, shape.in_channels, first, count, calls);
      });
    }
    with_band(index, [&](const float* image, size_t first, size_t count) {
      const float* band = layout.fill(image, shape.in_channels, first, count,
                                      packed + weights + slot * band_floats);
      correlation.compute(
          band, packed, bias, count,
          y + index / bands * shape.out_channels * plane + first * sight.out_columns, plane, ahead);
    });
  };
  parallel_for(tasks, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
