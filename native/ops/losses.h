// Losses: a sum over pairs of prediction and target, and its gradient in the same pass.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// *result = the sum of the loss over n pairs; gradient[i], unless null, = factor times its
// derivative with respect to x[i].
Status apply_loss(LossKernel kernel, const float* x, const float* target, float parameter,
                  float factor, float* gradient, size_t n, double* result);

}  // namespace batchnorm
