#include "ops/batch_norm_input_gradient.h"

#include "ops/plane_runs.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

Status batch_norm_input_gradient(const Kernels& kernels, const ImageShape& shape, double count,
                                 const float* x, const float* scale,
                                 const KeptStatistics& statistics, const OutputGradient& gradient,
                                 const double* sum_dy, const double* sum_dy_xmu, float* dx) {
  if (shape.elements() == 0) return Status::kOk;
  Scratch scratch;
  float* memory = scratch.get<float>(4 * shape.channels);
  if (memory == nullptr) return Status::kOutOfMemory;
  const InputGradientStep::Constants constants = {
      memory, memory + shape.channels, memory + 2 * shape.channels, memory + 3 * shape.channels};
  const bool streaming = worth_streaming(kernels, shape.elements() * 3 * sizeof(float));
  const InputGradientStep step(kernels, x, scale, statistics, gradient, dx, constants, streaming);
  for (size_t channel = 0; channel < shape.channels; channel++) {
    step.set(channel, sum_dy[channel], sum_dy_xmu[channel], count);
  }
  for_each_plane_run(kernels, shape, streaming,
                     [&](size_t offset, size_t channel, const Block& block) {
                       step.apply(offset, channel, block);
                     });
  return Status::kOk;
}

}  // namespace batchnorm
