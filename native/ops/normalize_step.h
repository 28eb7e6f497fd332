// The second step of batch_norm_training, for the fused operation and the separate one:
// y = (x - mean) * inv_std * scale + bias or, with a ReLU, y = max(0, normalized + residual).
#pragma once

#include "kernels.h"

namespace batchnorm {

// The tensors of the step; scale and bias have one value per channel.
struct NormalizeTensors {
  const float* x;
  const float* scale;
  const float* bias;
  bool relu;
  const float* residual;  // may be null
  float* y;
};

class NormalizeStep {
 public:
  // The kernel's constants per channel, written by set(): y = (x - mean) * factor + shift, where
  // mean is rounded to float32.
  struct Constants {
    float* mean;
    float* factor;
    float* shift;
  };

  NormalizeStep(const Kernels& kernels, const NormalizeTensors& tensors, const Constants& constants,
                bool streaming)
      : kernels_(kernels), tensors_(tensors), constants_(constants), streaming_(streaming) {}

  // Takes both in double. A float mean of 1e4 is itself off by 5e-4; the shift corrects for this
  // rounding error.
  void set(size_t channel, double mean, double inv_std) const {
    const float rounded = static_cast<float>(mean);
    const double mean_low = mean - static_cast<double>(rounded);
    const double factor = static_cast<double>(tensors_.scale[channel]) * inv_std;
    constants_.mean[channel] = rounded;
    constants_.factor[channel] = static_cast<float>(factor);
    constants_.shift[channel] =
        static_cast<float>(static_cast<double>(tensors_.bias[channel]) - mean_low * factor);
  }

  void apply(size_t offset, size_t channel, const Block& block) const {
    const Normalization params = {constants_.mean + channel, constants_.factor + channel,
                                  constants_.shift + channel};
    const float* x = tensors_.x + offset;
    float* y = tensors_.y + offset;
    if (!tensors_.relu) return kernels_.normalize(x, y, block, params, streaming_);
    const float* residual = tensors_.residual == nullptr ? nullptr : tensors_.residual + offset;
    kernels_.normalize_relu(x, residual, y, block, params, streaming_);
  }

 private:
  const Kernels& kernels_;
  NormalizeTensors tensors_;
  Constants constants_;
  bool streaming_;
};

// Bytes per element over all tensors of the step.
inline size_t bytes_per_element(const NormalizeTensors& tensors) {
  return (tensors.residual == nullptr ? 2 : 3) * sizeof(float);
}

}  // namespace batchnorm
