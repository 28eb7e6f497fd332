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
  auto task = [&](size_t index, size_t slot) {
    const size_t image = index / bands;
    const size_t first = index % bands * rows;
    const size_t count = std::min(rows, sight.out_rows - first);
    const float* band =
        layout.fill(x + image * shape.in_channels * shape.in_plane(), shape.in_channels, first,
                    count, packed + weights + slot * band_floats);
    correlation.compute(band, packed, bias, count,
                        y + image * shape.out_channels * plane + first * sight.out_columns, plane);
  };
  parallel_for(shape.images * bands, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
