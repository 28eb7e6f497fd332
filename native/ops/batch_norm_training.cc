#include "ops/batch_norm_training.h"

#include <cmath>

#include "ops/channel_passes.h"
#include "ops/moment_step.h"
#include "ops/normalize_step.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

class TrainingPasses {
 public:
  static constexpr bool kApplies = true;

  TrainingPasses(const BatchNormTraining& arguments, const MomentStep& moments,
                 const NormalizeStep& normalize, size_t bytes_per_element, const Kernels* fence)
      : arguments_(arguments),
        moments_(moments),
        normalize_(normalize),
        bytes_per_element_(bytes_per_element),
        fence_(fence) {}

  size_t bytes_per_element() const { return bytes_per_element_; }

  void prepare(size_t channel, size_t channels) const { moments_.prepare(channel, channels); }

  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    moments_.reduce(offset, channel, block, out);
  }

  template <class SumsAgain>
  void finish(size_t channel, const ChannelSums& sums, const SumsAgain& sums_again) const {
    const Moments moments = moments_.finish(channel, sums, sums_again);
    const double inv_std = 1 / std::sqrt(moments.m2 / moments.count + arguments_.epsilon);
    normalize_.set(channel, moments.mean, inv_std);
    const double mean = static_cast<double>(arguments_.mean[channel]);
    arguments_.mean_low[channel] = static_cast<float>(moments.mean - mean);
    arguments_.inv_std[channel] = static_cast<float>(inv_std);

    if (arguments_.running_mean == nullptr) return;
    move(arguments_.running_mean[channel], moments.mean);
    move(arguments_.running_var[channel], moments.m2 / (moments.count - 1));
  }

  void apply(size_t offset, size_t channel, const Block& block) const {
    normalize_.apply(offset, channel, block);
  }

  void complete() const {
    if (fence_ != nullptr) fence_->stream_fence();
  }

 private:
  void move(float& running, double batch) const {
    const double momentum = arguments_.momentum;
    running = static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * batch);
  }

  const BatchNormTraining& arguments_;
  const MomentStep& moments_;
  const NormalizeStep& normalize_;
  size_t bytes_per_element_;
  const Kernels* fence_;  // null without streamed stores
};

}  // namespace

Status batch_norm_training(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormTraining& arguments) {
  Scratch scratch;
  float* memory = scratch.get<float>(3 * shape.channels);
  if (memory == nullptr) return Status::kOutOfMemory;
  const NormalizeTensors tensors = {arguments.x,    arguments.scale,    arguments.bias,
                                    arguments.relu, arguments.residual, arguments.y};
  const bool kept = arguments.factor != nullptr && arguments.shift != nullptr;
  const NormalizeStep::Constants constants = {arguments.mean, kept ? arguments.factor : memory,
                                              kept ? arguments.shift : memory + shape.channels};
  const size_t bytes = bytes_per_element(tensors);
  const bool streaming = worth_streaming(kernels, shape.elements() * bytes);
  const MomentStep moments(kernels, shape, arguments.x, memory + 2 * shape.channels);
  const NormalizeStep normalize(kernels, tensors, constants, streaming);
  TrainingPasses passes(arguments, moments, normalize, bytes, streaming ? &kernels : nullptr);
  // Larger groups were measured without a residual only.
  const size_t streamed = streaming && arguments.residual == nullptr ? sizeof(float) : 0;
  return run_channel_passes(shape, passes, streamed);
}

}  // namespace batchnorm
