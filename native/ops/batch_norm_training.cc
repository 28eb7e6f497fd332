#include "ops/batch_norm_training.h"

#include <cmath>

#include "ops/channel_passes.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

class TrainingPasses {
 public:
  using Partial = Moments;

  // `scale` and `shift` receive what normalization multiplies by and adds, one per channel.
  TrainingPasses(const Kernels& kernels, const ImageShape& shape,
                 const BatchNormTraining& arguments, float* scale, float* shift)
      : kernels_(kernels),
        arguments_(arguments),
        scale_(scale),
        shift_(shift),
        streaming_(worth_streaming(kernels, shape.elements() * bytes_per_element())) {}

  static size_t bytes_per_element() { return 2 * sizeof(float); }

  void reduce(size_t offset, size_t, const Block& block, Moments* out) const {
    kernels_.moments(arguments_.x + offset, block, out);
  }

  void finish(size_t channel, const Moments& moments) const {
    const double variance = moments.m2 / moments.count;
    const double inv_std = 1 / std::sqrt(variance + arguments_.epsilon);
    const float mean = static_cast<float>(moments.mean);
    const double mean_low = moments.mean - static_cast<double>(mean);
    const double scale = static_cast<double>(arguments_.scale[channel]) * inv_std;
    arguments_.mean[channel] = mean;
    arguments_.mean_low[channel] = static_cast<float>(mean_low);
    arguments_.inv_std[channel] = static_cast<float>(inv_std);
    scale_[channel] = static_cast<float>(scale);
    shift_[channel] =
        static_cast<float>(static_cast<double>(arguments_.bias[channel]) - mean_low * scale);

    if (arguments_.running_mean == nullptr) return;
    move(arguments_.running_mean[channel], moments.mean);
    move(arguments_.running_var[channel], moments.m2 / (moments.count - 1));
  }

  void apply(size_t offset, size_t channel, const Block& block) const {
    const float* x = arguments_.x + offset;
    float* y = arguments_.y + offset;
    if (streaming_) {
      stream_block(kernels_, y, block,
                   [&](size_t start, size_t first, const Block& run, float* buffer) {
                     if (run.next != 0) {
                       prefetch_run(x + start + run.next, run.channels * run.length);
                     }
                     kernels_.normalize(x + start, buffer, run, normalization(channel + first));
                   });
    } else {
      kernels_.normalize(x, y, block, normalization(channel));
    }
  }

  void complete() const {
    if (streaming_) kernels_.stream_fence();
  }

 private:
  Normalization normalization(size_t channel) const {
    return {arguments_.mean + channel, scale_ + channel, shift_ + channel};
  }

  void move(float& running, double batch) const {
    const double momentum = arguments_.momentum;
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * batch);
  }

  const Kernels& kernels_;
  const BatchNormTraining& arguments_;
  float* scale_;
  float* shift_;
  bool streaming_;
};

}  // namespace

Status batch_norm_training(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormTraining& arguments) {
  Scratch scratch;
  float* per_channel = scratch.get<float>(2 * shape.channels);
  if (per_channel == nullptr) return Status::kOutOfMemory;
  TrainingPasses passes(kernels, shape, arguments, per_channel, per_channel + shape.channels);
  return run_channel_passes(shape, passes);
}

}  // namespace batchnorm
