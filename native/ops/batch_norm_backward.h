#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/status.h"

namespace batchnorm {

// x, dy and dx hold shape.elements() floats, everything else one per channel. dx may be dy.
// mean, mean_low and inv_std are what the forward pass kept.
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

  // With a ReLU behind the normalization, dy being the gradient of what that gave: the factor and
  // shift of the forward pass.
  const float* factor = nullptr;
  const float* shift = nullptr;
  // With a sum and a ReLU behind it: what ReLU gave, and the gradient of the residual, which is
  // written; both of shape.elements() floats, the latter apart from all others.
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
