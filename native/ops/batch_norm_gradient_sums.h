#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/gradient_step.h"
#include "ops/status.h"

namespace batchnorm {

// The first step of batch_norm_backward as a separate operation: for each channel, the sums of dy
// and of dy * (x - (mean + mean_low)). The first is dbias, the second times inv_std is dscale.
// Zeros for an empty tensor.
Status batch_norm_gradient_sums(const Kernels& kernels, const ImageShape& shape, const float* x,
                                const float* mean, const float* mean_low,
                                const OutputGradient& gradient, double* sum_dy, double* sum_dy_xmu);

}  // namespace batchnorm
