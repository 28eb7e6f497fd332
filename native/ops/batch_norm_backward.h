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
};

// The gradients of batch_norm_training (Ioffe and Szegedy, 2015, section 3), with n values per
// channel and x^ = (x - mean) * inv_std:
//   dbias = sum(dy);  dscale = sum(dy * x^)
//   dx = scale * inv_std * (dy - dbias / n - x^ * dscale / n)
Status batch_norm_backward(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormBackward& arguments);

}  // namespace batchnorm
