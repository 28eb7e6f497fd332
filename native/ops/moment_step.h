// The first step of batch_norm_training, for the fused operation and the separate one: the moments
// of each channel.
#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/channel_moments.h"

namespace batchnorm {

class MomentStep {
 public:
  // `around` receives the shift of each channel (channel_moments.h).
  MomentStep(const Kernels& kernels, const ImageShape& shape, const float* x, float* around)
      : kernels_(kernels), shape_(shape), x_(x), around_(around) {}

  void prepare(size_t channel, size_t channels) const {
    sample_means(x_ + channel * shape_.plane, shape_, channels, around_ + channel);
  }

  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    kernels_.shifted_moments(x_ + offset, around_ + channel, block, out);
  }

  template <class SumsAgain>
  Moments finish(size_t channel, const ChannelSums& sums, const SumsAgain& sums_again) const {
    return channel_moments(x_ + channel * shape_.plane, shape_, around_[channel], sums,
                           [&](float around) {
                             around_[channel] = around;
                             return sums_again();
                           });
  }

 private:
  const Kernels& kernels_;
  const ImageShape& shape_;
  const float* x_;
  float* around_;
};

}  // namespace batchnorm
