#include "ops/batch_norm_inference.h"

#include <cmath>

#include "ops/parallel.h"
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

  // A piece is a run of whole planes in memory order: what one thread writes is contiguous.
  const size_t tensors = arguments.residual == nullptr ? 2 : 3;
  const bool streaming = worth_streaming(kernels, tensors * shape.elements() * sizeof(float));
  const size_t planes = shape.images * shape.channels;
  const size_t threads = threads_for(shape.elements());
  // Long ones: the processor's prefetchers run on behind the end, into what another thread reads.
  const size_t tasks = threads == 1 ? 1 : std::min(planes, threads * 4);
  auto task = [&](size_t index, size_t) {
    size_t plane = planes * index / tasks;
    const size_t end = planes * (index + 1) / tasks;
    while (plane < end) {
      const size_t channel = plane % shape.channels;
      const size_t channels = std::min(end - plane, shape.channels - channel);
      const size_t offset = plane * shape.plane;
      const Block block = {1, channels, shape.plane, shape.elements(), shape.plane};
      const Normalization by = {arguments.running_mean + channel, scale + channel,
                                arguments.bias + channel};
      if (arguments.relu) {
        const float* residual =
            arguments.residual == nullptr ? nullptr : arguments.residual + offset;
        kernels.normalize_relu(arguments.x + offset, residual, arguments.y + offset, block, by,
                               streaming);
      } else {
        kernels.normalize(arguments.x + offset, arguments.y + offset, block, by, streaming);
      }
      plane += channels;
    }
    if (streaming) kernels.stream_fence();
  };
  parallel_for(tasks, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
