#include "ops/batch_norm_gradient_sums.h"

#include <algorithm>

#include "ops/channel_passes.h"

namespace batchnorm {

namespace {

class GradientSumsPass {
 public:
  static constexpr bool kApplies = false;

  GradientSumsPass(const GradientSumsStep& step, const float* mean_low, size_t tensors,
                   double* sum_dy, double* sum_dy_xmu)
      : step_(step),
        mean_low_(mean_low),
        tensors_(tensors),
        sum_dy_(sum_dy),
        sum_dy_xmu_(sum_dy_xmu) {}

  size_t bytes_per_element() const { return tensors_ * sizeof(float); }
  void prepare(size_t, size_t) const {}
  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    step_.reduce(offset, channel, block, out);
  }
  template <class SumsAgain>
  void finish(size_t channel, const ChannelSums& sums, const SumsAgain&) const {
    sum_dy_[channel] = sums.sum;
    sum_dy_xmu_[channel] = deviation_products(sums, mean_low_[channel]);
  }

 private:
  const GradientSumsStep& step_;
  const float* mean_low_;
  size_t tensors_;
  double* sum_dy_;
  double* sum_dy_xmu_;
};

}  // namespace

Status batch_norm_gradient_sums(const Kernels& kernels, const ImageShape& shape, const float* x,
                                const float* mean, const float* mean_low,
                                const OutputGradient& gradient, double* sum_dy,
                                double* sum_dy_xmu) {
  if (shape.elements() == 0) {
    std::fill(sum_dy, sum_dy + shape.channels, 0.0);
    std::fill(sum_dy_xmu, sum_dy_xmu + shape.channels, 0.0);
    return Status::kOk;
  }
  const GradientSumsStep step(kernels, x, mean, gradient);
  const size_t tensors = gradient.dresidual == nullptr ? 2 : 4;
  GradientSumsPass pass(step, mean_low, tensors, sum_dy, sum_dy_xmu);
  return run_channel_passes(shape, pass);
}

}  // namespace batchnorm
