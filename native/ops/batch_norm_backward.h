// The backward pass of batch normalization in training: the gradients with respect to x, scale and
// bias in one call, optionally through a ReLU and a residual after the normalization.
#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/status.h"

namespace batchnorm {

// x, dy and dx hold shape.elements() floats, the other arrays one per channel. dx may be dy. mean,
// mean_low and inv_std are the results of batch_norm_training.
struct BatchNormBackward {
  const float* x;
  const float* dy;
  const float* scale;
  const float* mean;
  const float* mean_low;
  const float* inv_std;
  float* dx;
  float* dscale;
  float* dbias;

  // With a ReLU directly after the normalization: factor and shift of the forward pass. dy is then
  // the gradient of the ReLU's output.
  const float* factor = nullptr;
  const float* shift = nullptr;
  // With a residual and a ReLU: the ReLU's output, and the residual's gradient, which is written.
  // Both hold shape.elements() floats; dresidual must not overlap any other array.
  const float* y = nullptr;
  float* dresidual = nullptr;
};

// The gradients of batch_norm_training (Ioffe and Szegedy, 2015, section 3), with n values per
// channel and x^ = (x - mean) * inv_std:
//   dbias = sum(dy);  dscale = sum(dy * x^)
//   dx = scale * inv_std * (dy - dbias / n - x^ * dscale / n)
Status batch_norm_backward(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormBackward& arguments);

}  // namespace batchnorm
