#include "ops/batch_norm_normalize.h"

#include "ops/plane_runs.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

Status batch_norm_normalize(const Kernels& kernels, const ImageShape& shape,
                            const NormalizeTensors& tensors, const double* mean,
                            const double* inv_std, float* factor, float* shift) {
  Scratch scratch;
  float* memory = scratch.get<float>(3 * shape.channels);
  if (memory == nullptr) return Status::kOutOfMemory;
  const NormalizeStep::Constants constants = {
      memory, factor != nullptr ? factor : memory + shape.channels,
      shift != nullptr ? shift : memory + 2 * shape.channels};
  const bool streaming = worth_streaming(kernels, shape.elements() * bytes_per_element(tensors));
  const NormalizeStep step(kernels, tensors, constants, streaming);
  for (size_t channel = 0; channel < shape.channels; channel++) {
    step.set(channel, mean[channel], inv_std[channel]);
  }
  if (shape.elements() == 0) return Status::kOk;
  for_each_plane_run(kernels, shape, streaming,
                     [&](size_t offset, size_t channel, const Block& block) {
                       step.apply(offset, channel, block);
                     });
  return Status::kOk;
}

}  // namespace batchnorm
