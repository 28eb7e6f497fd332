#include "ops/batch_norm_moments.h"

#include <algorithm>

#include "ops/channel_passes.h"
#include "ops/moment_step.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

class MomentPass {
 public:
  static constexpr bool kApplies = false;

  MomentPass(const MomentStep& step, double* mean, double* m2)
      : step_(step), mean_(mean), m2_(m2) {}

  size_t bytes_per_element() const { return sizeof(float); }
  void prepare(size_t channel, size_t channels) const { step_.prepare(channel, channels); }
  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    step_.reduce(offset, channel, block, out);
  }
  template <class SumsAgain>
  void finish(size_t channel, const ChannelSums& sums, const SumsAgain& sums_again) const {
    const Moments moments = step_.finish(channel, sums, sums_again);
    mean_[channel] = moments.mean;
    m2_[channel] = moments.m2;
  }

 private:
  const MomentStep& step_;
  double* mean_;
  double* m2_;
};

}  // namespace

Status batch_norm_moments(const Kernels& kernels, const ImageShape& shape, const float* x,
                          double* mean, double* m2) {
  if (shape.elements() == 0) {
    std::fill(mean, mean + shape.channels, 0.0);
    std::fill(m2, m2 + shape.channels, 0.0);
    return Status::kOk;
  }
  Scratch scratch;
  float* around = scratch.get<float>(shape.channels);
  if (around == nullptr) return Status::kOutOfMemory;
  const MomentStep step(kernels, shape, x, around);
  MomentPass pass(step, mean, m2);
  return run_channel_passes(shape, pass);
}

}  // namespace batchnorm
