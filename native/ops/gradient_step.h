// The two steps of batch_norm_backward, for the fused operation and the separate ones: the gradient
// sums of each channel, and dx from these sums.
#pragma once

#include "kernels.h"

namespace batchnorm {

// dy and, if a ReLU follows the normalization, the data that shows which part of dy passes it. dy
// is then the gradient of the ReLU's output.
struct OutputGradient {
  const float* dy;
  // With a ReLU and no residual: factor and shift of the forward pass; else null.
  const float* factor;
  const float* shift;
  // With a ReLU and a residual: the ReLU's output, and the residual's gradient, which receives the
  // part of dy that passes; else null.
  const float* y;
  float* dresidual;
};

class GradientSumsStep {
 public:
  GradientSumsStep(const Kernels& kernels, const float* x, const float* mean,
                   const OutputGradient& gradient)
      : kernels_(kernels), x_(x), mean_(mean), gradient_(gradient) {}

  void reduce(size_t offset, size_t channel, const Block& block, ChannelSums* out) const {
    const float* x = x_ + offset;
    const float* dy = gradient_.dy + offset;
    if (gradient_.dresidual != nullptr) {
      kernels_.residual_relu_affine_gradient_sums(
          x, gradient_.y + offset, dy, gradient_.dresidual + offset, mean_ + channel, block, out);
    } else if (gradient_.factor != nullptr) {
      const Normalization forward = {mean_ + channel, gradient_.factor + channel,
                                     gradient_.shift + channel};
      kernels_.relu_affine_gradient_sums(x, dy, forward, block, out);
    } else {
      kernels_.affine_gradient_sums(x, dy, mean_ + channel, block, out);
    }
  }

 private:
  const Kernels& kernels_;
  const float* x_;
  const float* mean_;
  OutputGradient gradient_;
};

// The statistics that the forward pass saved, per channel.
struct KeptStatistics {
  const float* mean;
  const float* mean_low;
  const float* inv_std;
};

// The sum of dy * (x - (mean + mean_low)) from the sums of dy and dy * (x - mean).
inline double deviation_products(const ChannelSums& sums, float mean_low) {
  return sums.products - static_cast<double>(mean_low) * sums.sum;
}

class InputGradientStep {
 public:
  // The kernel's constants per channel, apart from the mean; written by set().
  struct Constants {
    float* dy_mean;
    float* xhat_coefficient;
    float* scale;
    float* shift;
  };

  InputGradientStep(const Kernels& kernels, const float* x, const float* scale,
                    const KeptStatistics& statistics, const OutputGradient& gradient, float* dx,
                    const Constants& constants, bool streaming)
      : kernels_(kernels),
        x_(x),
        scale_(scale),
        statistics_(statistics),
        gradient_(gradient),
        dx_(dx),
        constants_(constants),
        streaming_(streaming) {}

  // Computes the constants from the sums of dy and of dy * (x - (mean + mean_low)) over `count`
  // values.
  void set(size_t channel, double sum, double products, double count) const {
    const double inv_std = static_cast<double>(statistics_.inv_std[channel]);
    const double mean_low = static_cast<double>(statistics_.mean_low[channel]);
    const double dy_mean = sum / count;
    const double xhat_coefficient = inv_std * inv_std * products / count;
    const double scale = static_cast<double>(scale_[channel]) * inv_std;
    const float dy_mean_high = static_cast<float>(dy_mean);
    const double dy_mean_low = dy_mean - static_cast<double>(dy_mean_high);
    constants_.dy_mean[channel] = dy_mean_high;
    constants_.xhat_coefficient[channel] = static_cast<float>(xhat_coefficient);
    constants_.scale[channel] = static_cast<float>(scale);
    // Corrects for the rounding of both means to float32.
    constants_.shift[channel] =
        static_cast<float>((mean_low * xhat_coefficient - dy_mean_low) * scale);
  }

  void apply(size_t offset, size_t channel, const Block& block) const {
    const float* x = x_ + offset;
    // With a residual, the part of dy that passes was stored by the sums.
    const float* dy =
        (gradient_.dresidual == nullptr ? gradient_.dy : gradient_.dresidual) + offset;
    const float* mean = statistics_.mean + channel;
    const InputGradient params = {mean, constants_.dy_mean + channel,
                                  constants_.xhat_coefficient + channel, constants_.scale + channel,
                                  constants_.shift + channel};
    if (gradient_.factor != nullptr) {
      const Normalization forward = {mean, gradient_.factor + channel, gradient_.shift + channel};
      kernels_.relu_input_gradient(x, dy, dx_ + offset, block, forward, params, streaming_);
    } else {
      kernels_.input_gradient(x, dy, dx_ + offset, block, params, streaming_);
    }
  }

 private:
  const Kernels& kernels_;
  const float* x_;
  const float* scale_;
  KeptStatistics statistics_;
  OutputGradient gradient_;
  float* dx_;
  Constants constants_;
  bool streaming_;
};

}  // namespace batchnorm
