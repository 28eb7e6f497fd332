// Losses over whole tensors: the sum over pairs of prediction and target and, in the same pass,
// each loss and the gradient. Divides the tensors into pieces for the threads.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// *result = the sum of the loss over n pairs of x and target. Unless they are null,
// losses[i] = factor * the loss of pair i, and gradient[i] = factor * its derivative with respect
// to x[i].
Status apply_loss(LossKernel kernel, const float* x, const float* target, float parameter,
                  float factor, float* losses, float* gradient, size_t n, double* result);

// The same with a weight for each pair.
Status apply_weighted_loss(WeightedLossKernel kernel, const float* x, const float* target,
                           const float* weight, float factor, float* losses, float* gradient,
                           size_t n, double* result);

}  // namespace batchnorm
