#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/status.h"

namespace batchnorm {

// The first step of batch_norm_training as a separate operation: for each channel, the mean of its
// images * plane values and the sum of squared deviations from it; zeros for an empty tensor. Both
// are in double, so that several batches can be merged and the second step gives the same bits as
// the fused operation.
Status batch_norm_moments(const Kernels& kernels, const ImageShape& shape, const float* x,
                          double* mean, double* m2);

}  // namespace batchnorm
