// Batch normalization with running statistics, optionally followed by a residual and a ReLU.
#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/status.h"

namespace batchnorm {

// x and y hold shape.elements() floats and may be the same; the other arrays hold one per channel.
struct BatchNormInference {
  const float* x;
  const float* scale;
  const float* bias;
  const float* running_mean;
  const float* running_var;
  double epsilon;
  float* y;

  // With a ReLU: y = max(0, normalized + residual). The residual may be null; y may be the
  // residual.
  bool relu = false;
  const float* residual = nullptr;
};

// y = (x - running_mean) / sqrt(running_var + epsilon) * scale + bias
Status batch_norm_inference(const Kernels& kernels, const ImageShape& shape,
                            const BatchNormInference& arguments);

}  // namespace batchnorm
