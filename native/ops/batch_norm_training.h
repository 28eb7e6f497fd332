// Batch normalization with the statistics of the batch, optionally followed by a residual and a
// ReLU. Also updates the running statistics and saves what the backward pass needs.
#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/status.h"

namespace batchnorm {

// x and y hold shape.elements() floats, the other arrays one per channel. The batch mean is stored
// as the nearest float and a remainder (mean + mean_low), because a float mean of 1e4 is itself off
// by 5e-4.
struct BatchNormTraining {
  const float* x;
  const float* scale;
  const float* bias;
  double epsilon;
  double momentum;
  float* running_mean;  // updated in place; may be null, together with running_var
  float* running_var;
  float* y;
  float* mean;
  float* mean_low;
  float* inv_std;  // 1 / sqrt(var + epsilon), var divided by n

  // With a ReLU: y = max(0, normalized + residual). The residual holds shape.elements() floats or
  // is null; y may be the residual.
  bool relu = false;
  const float* residual = nullptr;
  // Unless null, receive the constants of normalized = (x - mean) * factor + shift, from which the
  // backward pass recomputes the sign of the ReLU's input.
  float* factor = nullptr;
  float* shift = nullptr;
};

// y = (x - mean) / sqrt(var + epsilon) * scale + bias with the statistics of the batch. Updates
// running = (1 - momentum) * running + momentum * batch, where running_var uses the unbiased
// variance (divided by n - 1). Needs at least two values per channel.
Status batch_norm_training(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormTraining& arguments);

}  // namespace batchnorm
