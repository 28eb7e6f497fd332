#include "ops/batch_norm_backward.h"

#include <algorithm>

#include "ops/channel_passes.h"
#include "ops/gradient_step.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

class BackwardPasses {
 public:
  static constexpr bool kApplies = true;

  BackwardPasses(const BatchNormBackward& arguments, double count, const GradientSumsStep& sums,
                 const InputGradientStep& input_gradient, size_t bytes_per_element,
                 const Kernels* fence)
      : arguments_(arguments),
        count_(count),
        sums_(sums),
        input_gradient_(input_gradient),
        bytes_per_element_(bytes_per_element),
        fence_(fence) {}

  size_t bytes_per_element() const { return bytes_per_element_; }

  void prepare(size_t, size_t) const {}

  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    sums_.reduce(offset, channel, block, out);
  }

  template <class SumsAgain>
  void finish(size_t channel, const ChannelSums& sums, const SumsAgain&) const {
    const double products = deviation_products(sums, arguments_.mean_low[channel]);
    const double inv_std = static_cast<double>(arguments_.inv_std[channel]);
    arguments_.dbias[channel] = static_cast<float>(sums.sum);
    arguments_.dscale[channel] = static_cast<float>(inv_std * products);
    input_gradient_.set(channel, sums.sum, products, count_);
  }

  void apply(size_t offset, size_t channel, const Block& block) const {
    input_gradient_.apply(offset, channel, block);
  }

  void complete() const {
    if (fence_ != nullptr) fence_->stream_fence();
  }

 private:
  const BatchNormBackward& arguments_;
  double count_;
  const GradientSumsStep& sums_;
  const InputGradientStep& input_gradient_;
  size_t bytes_per_element_;
  const Kernels* fence_;  // null without streamed stores
};

}  // namespace

Status batch_norm_backward(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormBackward& arguments) {
  if (shape.elements() == 0) {
    // A frozen layer gets here with an empty batch, whose sums are zeros.
    std::fill(arguments.dscale, arguments.dscale + shape.channels, 0.0f);
    std::fill(arguments.dbias, arguments.dbias + shape.channels, 0.0f);
    return Status::kOk;
  }
  Scratch scratch;
  float* memory = scratch.get<float>(4 * shape.channels);
  if (memory == nullptr) return Status::kOutOfMemory;
  const InputGradientStep::Constants constants = {
      memory, memory + shape.channels, memory + 2 * shape.channels, memory + 3 * shape.channels};
  const OutputGradient gradient = {arguments.dy, arguments.factor, arguments.shift, arguments.y,
                                   arguments.dresidual};
  const KeptStatistics statistics = {arguments.mean, arguments.mean_low, arguments.inv_std};
  const size_t bytes = (arguments.dresidual == nullptr ? 3 : 5) * sizeof(float);
  const bool streaming = worth_streaming(kernels, shape.elements() * bytes);
  const GradientSumsStep sums(kernels, arguments.x, arguments.mean, gradient);
  const InputGradientStep input_gradient(kernels, arguments.x, arguments.scale, statistics,
                                         gradient, arguments.dx, constants, streaming);
  const double count = static_cast<double>(shape.images * shape.plane);
  BackwardPasses passes(arguments, count, sums, input_gradient, bytes,
                        streaming ? &kernels : nullptr);
  return run_channel_passes(shape, passes);
}

}  // namespace batchnorm
