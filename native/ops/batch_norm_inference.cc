#include "ops/batch_norm_inference.h"

#include <cmath>

#include "ops/plane_runs.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

Status batch_norm_inference(const Kernels& kernels, const ImageShape& shape,
                            const BatchNormInference& arguments) {
  if (shape.elements() == 0) return Status::kOk;
  Scratch scratch;
  float* scale = scratch.get<float>(shape.channels);
  if (scale == nullptr) return Status::kOutOfMemory;
  for (size_t channel = 0; channel < shape.channels; channel++) {
    const double variance = static_cast<double>(arguments.running_var[channel]);
    scale[channel] = static_cast<float>(static_cast<double>(arguments.scale[channel]) /
                                        std::sqrt(variance + arguments.epsilon));
  }

  const size_t tensors = arguments.residual == nullptr ? 2 : 3;
  const bool streaming = worth_streaming(kernels, tensors * shape.elements() * sizeof(float));
  auto apply = [&](size_t offset, size_t channel, const Block& block) {
    const Normalization params = {arguments.running_mean + channel, scale + channel,
                                  arguments.bias + channel};
    const float* x = arguments.x + offset;
    float* y = arguments.y + offset;
    if (!arguments.relu) return kernels.normalize(x, y, block, params, streaming);
    const float* residual = arguments.residual == nullptr ? nullptr : arguments.residual + offset;
    kernels.normalize_relu(x, residual, y, block, params, streaming);
  };
  for_each_plane_run(kernels, shape, streaming, apply);
  return Status::kOk;
}

}  // namespace batchnorm
