#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/gradient_step.h"
#include "ops/status.h"

namespace batchnorm {

// The second step of batch_norm_backward as a separate operation: dx from the results of
// batch_norm_gradient_sums over `count` values per channel. The sums may include other tensors;
// count is then larger than the number of values per channel of this one. With a residual,
// gradient.dy must be the part of dy that passed, and the other members of `gradient` null.
Status batch_norm_input_gradient(const Kernels& kernels, const ImageShape& shape, double count,
                                 const float* x, const float* scale,
                                 const KeptStatistics& statistics, const OutputGradient& gradient,
                                 const double* sum_dy, const double* sum_dy_xmu, float* dx);

}  // namespace batchnorm
