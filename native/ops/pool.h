// Pooling of whole tensors: planes of height x width, one after another, each by one call of a
// kernel. Besides inputs and outputs, each thread needs pool_scratch() floats.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// The largest value of each window, and dx from x, the result y and dy.
Status max_pool(const Kernels& kernels, const float* x, float* y, size_t planes,
                const Pooling& params);
Status max_pool_backward(const Kernels& kernels, const float* x, const float* y, const float* dy,
                         float* dx, size_t planes, const Pooling& params);

// The mean of each window, values in the padding being 0 and counted, and dx from dy.
Status avg_pool(const Kernels& kernels, const float* x, float* y, size_t planes,
                const Pooling& params);
Status avg_pool_backward(const Kernels& kernels, const float* dy, float* dx, size_t planes,
                         const Pooling& params);

}  // namespace batchnorm
