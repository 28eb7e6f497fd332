#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/status.h"

namespace batchnorm {

// x and y hold shape.elements() floats, everything else one per channel. The batch mean is kept as
// the float nearest to it and the rest (mean + mean_low), because a float mean of 1e4 is itself off
// by 5e-4.
struct BatchNormTraining {
  const float* x;
  const float* scale;
  const float* bias;
  double epsilon;
  double momentum;
  float* running_mean;  // updated in place; null for neither
  float* running_var;
  float* y;
  float* mean;
  float* mean_low;
  float* inv_std;  // 1 / sqrt(var + epsilon), var divided by n

  // With a ReLU behind it: y = max(0, normalized + residual), the residual, of shape.elements()
  // floats, null for none. y may be the residual.
  bool relu = false;
  const float* residual = nullptr;
  // Receive what x - mean was multiplied by and what was added to that, from which the backward
  // pass of ReLU finds the sign of the result; null for neither.
  float* factor = nullptr;
  float* shift = nullptr;
};

// y = (x - mean) / sqrt(var + epsilon) * scale + bias with the statistics of the batch, and the
// running ones moved towards them: running = (1 - momentum) * running + momentum * batch, where
// running_var takes the variance divided by n - 1. Needs at least two values per channel.
Status batch_norm_training(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormTraining& arguments);

}  // namespace batchnorm
