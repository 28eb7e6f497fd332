#include "ops/batch_norm_training.h"

#include <cmath>

#include "ops/channel_moments.h"
#include "ops/channel_passes.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

class TrainingPasses {
 public:
  // `scale` and `shift` receive what normalization multiplies by and adds, `around` what deviations
  // are taken from; one per channel.
  TrainingPasses(const Kernels& kernels, const ImageShape& shape,
                 const BatchNormTraining& arguments, float* scale, float* shift, float* around)
      : kernels_(kernels),
        shape_(shape),
        arguments_(arguments),
        scale_(scale),
        shift_(shift),
        around_(around),
        streaming_(worth_streaming(kernels, shape.elements() * bytes_per_element())) {}

  size_t bytes_per_element() const {
    return (arguments_.residual == nullptr ? 2 : 3) * sizeof(float);
  }

  void prepare(size_t channel, size_t channels) const {
    sample_means(arguments_.x + channel * shape_.plane, shape_, channels, around_ + channel);
  }

  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    kernels_.shifted_moments(arguments_.x + offset, around_ + channel, block, out);
  }

  template <class SumsAgain>
  void finish(size_t channel, const ChannelSums& sums, const SumsAgain& sums_again) const {
    const Moments moments = channel_moments(arguments_.x + channel * shape_.plane, shape_,
                                            around_[channel], sums, [&](float around) {
                                              around_[channel] = around;
                                              return sums_again();
                                            });
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
    const Normalization by = {arguments_.mean + channel, scale_ + channel, shift_ + channel};
    const float* x = arguments_.x + offset;
    float* y = arguments_.y + offset;
    if (!arguments_.relu) return kernels_.normalize(x, y, block, by, streaming_);
    const float* residual = arguments_.residual == nullptr ? nullptr : arguments_.residual + offset;
    kernels_.normalize_relu(x, residual, y, block, by, streaming_);
  }

  void complete() const {
    if (streaming_) kernels_.stream_fence();
  }

 private:
  void move(float& running, double batch) const {
    const double momentum = arguments_.momentum;
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * batch);
  }

  const Kernels& kernels_;
  const ImageShape& shape_;
  const BatchNormTraining& arguments_;
  float* scale_;
  float* shift_;
  float* around_;
  bool streaming_;
};

}  // namespace

Status batch_norm_training(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormTraining& arguments) {
  Scratch scratch;
  float* per_channel = scratch.get<float>(3 * shape.channels);
  if (per_channel == nullptr) return Status::kOutOfMemory;
  const bool kept = arguments.factor != nullptr && arguments.shift != nullptr;
  TrainingPasses passes(kernels, shape, arguments, kept ? arguments.factor : per_channel,
                        kept ? arguments.shift : per_channel + shape.channels,
                        per_channel + 2 * shape.channels);
  return run_channel_passes(shape, passes);
}

}  // namespace batchnorm
