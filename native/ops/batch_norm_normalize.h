#pragma once

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "ops/normalize_step.h"
#include "ops/status.h"

namespace batchnorm {

// The second step of batch_norm_training as a separate operation, from the moments:
// y = (x - mean) * inv_std * scale + bias with inv_std = 1 / sqrt(variance + epsilon), followed by
// the residual and ReLU of `tensors`. Unless null, `factor` and `shift` receive the constants that
// batch_norm_backward needs with a ReLU.
Status batch_norm_normalize(const Kernels& kernels, const ImageShape& shape,
                            const NormalizeTensors& tensors, const double* mean,
                            const double* inv_std, float* factor, float* shift);

}  // namespace batchnorm
