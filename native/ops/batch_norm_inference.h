#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/status.h"

namespace batchnorm {

// x and y hold shape.elements() floats and may be the same; everything else one per channel.
struct BatchNormInference {
  const float* x;
  const float* scale;
  const float* bias;
  const float* running_mean;
  const float* running_var;
  double epsilon;
  float* y;

  // With a ReLU behind it: y = max(0, normalized + residual), the residual null for none. y may be
  // it.
  bool relu = false;
  const float* residual = nullptr;
};

// y = (x - running_mean) / sqrt(running_var + epsilon) * scale + bias
Status batch_norm_inference(const Kernels& kernels, const ImageShape& shape,
                            const BatchNormInference& arguments);

}  // namespace batchnorm
