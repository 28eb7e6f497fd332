// Max and average pooling of whole tensors: `planes` planes, which are divided
// among the threads. kernels/pool.inl.h computes one plane.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// y = the maximum of each window, and dx from x, y and dy.
Status max_pool(const Kernels& kernels, const float* x, float* y, size_t planes,
                const Pooling& params);
Status max_pool_backward(const Kernels& kernels, const float* x, const float* y, const float* dy,
                         float* dx, size_t planes, const Pooling& params);

// y = the mean of each window, and dx from dy.
Status avg_pool(const Kernels& kernels, const float* x, float* y, size_t planes,
                const Pooling& params);
Status avg_pool_backward(const Kernels& kernels, const float* dy, float* dx, size_t planes,
                         const Pooling& params);

}  // namespace batchnorm
