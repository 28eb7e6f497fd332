#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/gradient_step.h"
#include "ops/status.h"

namespace batchnorm {

// The second step of batch_norm_backward by itself: dx from the sums that
// batch_norm_gradient_sums computes, over `count` values per channel, which may be more than this
// tensor has if the sums are those of several. Of `gradient`, dy is the part that passes where a
// residual was added; the rest is then null.
Status batch_norm_input_gradient(const Kernels& kernels, const ImageShape& shape, double count,
                                 const float* x, const float* scale,
                                 const KeptStatistics& statistics, const OutputGradient& gradient,
                                 const double* sum_dy, const double* sum_dy_xmu, float* dx);

}  // namespace batchnorm
