// Losses over whole tensors: the sum over pairs of prediction and target and, in the same pass, its
// gradient. Divides the tensors into pieces for the threads.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// *result = the sum of the loss over n pairs of x and target. Unless `gradient` is null,
// gradient[i] = factor * the derivative of the sum with respect to x[i].
Status apply_loss(LossKernel kernel, const float* x, const float* target, float parameter,
                  float factor, float* gradient, size_t n, double* result);

}  // namespace batchnorm
