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
  const Taps taps = {shape.kernel, -static_cast<ptrdiff_t>(shape.padding)};
  const Correlation correlation = {shape.in_channels,
                                   shape.height,
                                   shape.width,
                                   shape.out_channels,
                                   shape.out_height(),
                                   shape.out_width(),
                                   shape.stride,
                                   taps,
                                   taps};
  const size_t threads = threads_of(shape);
  const size_t phases = std::min(shape.stride, shape.kernel);
  const size_t row_floats = saturating_product(
      shape.in_channels * phases * phases, correlation.out_columns + shape.kernel / shape.stride);
  const size_t rows = rows_at_a_time(row_floats, correlation.out_rows, shape.images, threads);
  const size_t bands = ceil_divide(correlation.out_rows, rows);
  const Correlator correlator(kernels, correlation, rows);

  Scratch scratch;
  const size_t slot_floats = correlator.scratch_floats();
  const size_t slots = saturating_product(threads, slot_floats);
  const size_t weights = correlator.weights_floats();
  float* packed = slots > SIZE_MAX - weights ? nullptr : scratch.get<float>(weights + slots);
  if (packed == nullptr) return Status::kOutOfMemory;
  const size_t depth = correlation.depth();
  correlator.pack_weights([&](size_t o, size_t k) { return weight[o * depth + k]; }, packed);
  auto task = [&](size_t index, size_t slot) {
    const size_t image = index / bands;
    const size_t first = index % bands * rows;
    correlator.compute(
        x + image * shape.in_channels * shape.in_plane(), packed, bias, first,
        std::min(rows, correlation.out_rows - first), packed + weights + slot * slot_floats,
        y + image * shape.out_channels * plane + first * correlation.out_columns, plane);
  };
  parallel_for(shape.images * bands, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
