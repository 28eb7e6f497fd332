#include "ops/batch_norm_backward.h"

#include <algorithm>

#include "ops/channel_passes.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

// What the second pass needs of each channel besides its mean.
struct Coefficients {
  float* dy_mean;
  float* xhat_coefficient;
  float* scale;
  float* shift;
};

class BackwardPasses {
 public:
  BackwardPasses(const Kernels& kernels, const ImageShape& shape,
                 const BatchNormBackward& arguments, const Coefficients& coefficients)
      : kernels_(kernels),
        arguments_(arguments),
        count_(static_cast<double>(shape.images * shape.plane)),
        coefficients_(coefficients),
        streaming_(worth_streaming(kernels, shape.elements() * bytes_per_element())) {}

  size_t bytes_per_element() const {
    return (arguments_.dresidual == nullptr ? 3 : 5) * sizeof(float);
  }

  void prepare(size_t, size_t) const {}

  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    const float* x = arguments_.x + offset;
    const float* dy = arguments_.dy + offset;
    if (arguments_.dresidual != nullptr) {
      kernels_.residual_relu_affine_gradient_sums(x, arguments_.y + offset, dy,
                                                  arguments_.dresidual + offset,
                                                  arguments_.mean + channel, block, out);
    } else if (arguments_.factor != nullptr) {
      kernels_.relu_affine_gradient_sums(x, dy, forward(channel), block, out);
    } else {
      kernels_.affine_gradient_sums(x, dy, arguments_.mean + channel, block, out);
    }
  }

  template <class SumsAgain>
  void finish(size_t channel, const ChannelSums& sums, const SumsAgain&) const {
    const double inv_std = static_cast<double>(arguments_.inv_std[channel]);
    const double mean_low = static_cast<double>(arguments_.mean_low[channel]);
    const double deviations = sums.products - mean_low * sums.sum;  // sum of dy * (x - whole mean)
    const double dy_mean = sums.sum / count_;
    const double xhat_coefficient = inv_std * inv_std * deviations / count_;
    const double scale = static_cast<double>(arguments_.scale[channel]) * inv_std;
    const float dy_mean_high = static_cast<float>(dy_mean);
    const double dy_mean_low = dy_mean - static_cast<double>(dy_mean_high);

    arguments_.dbias[channel] = static_cast<float>(sums.sum);
    arguments_.dscale[channel] = static_cast<float>(inv_std * deviations);
    coefficients_.dy_mean[channel] = dy_mean_high;
    coefficients_.xhat_coefficient[channel] = static_cast<float>(xhat_coefficient);
    coefficients_.scale[channel] = static_cast<float>(scale);
    // What rounding both means to float left out.
    coefficients_.shift[channel] =
        static_cast<float>((mean_low * xhat_coefficient - dy_mean_low) * scale);
  }

  void apply(size_t offset, size_t channel, const Block& block) const {
    const float* x = arguments_.x + offset;
    // What of dy passes ReLU was stored by the first pass where something was added.
    const float* dy =
        (arguments_.dresidual == nullptr ? arguments_.dy : arguments_.dresidual) + offset;
    float* dx = arguments_.dx + offset;
    const InputGradient by = {arguments_.mean + channel, coefficients_.dy_mean + channel,
                              coefficients_.xhat_coefficient + channel,
                              coefficients_.scale + channel, coefficients_.shift + channel};
    if (arguments_.factor != nullptr) {
      kernels_.relu_input_gradient(x, dy, dx, block, forward(channel), by, streaming_);
    } else {
      kernels_.input_gradient(x, dy, dx, block, by, streaming_);
    }
  }

  void complete() const {
    if (streaming_) kernels_.stream_fence();
  }

 private:
  Normalization forward(size_t channel) const {
    return {arguments_.mean + channel, arguments_.factor + channel, arguments_.shift + channel};
  }

  const Kernels& kernels_;
  const BatchNormBackward& arguments_;
  double count_;
  Coefficients coefficients_;
  bool streaming_;
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
  const Coefficients coefficients = {memory, memory + shape.channels, memory + 2 * shape.channels,
                                     memory + 3 * shape.channels};
  BackwardPasses passes(kernels, shape, arguments, coefficients);
  return run_channel_passes(shape, passes);
}

}  // namespace batchnorm
