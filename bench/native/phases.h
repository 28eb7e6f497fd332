// What is left of training and backward without their arithmetic: the ablation that says how far two passes
// over the same data can come to the floor on this machine.
#pragma once

#include <cstddef>

#include "ops/batch_norm_training.h"

namespace bench {

// For each group of channels, as large as the kernels take it: adds up x, and dy where there is one, then
// y = x or y = a*x + dy over the same memory, with the stores that the kernels use. No deviations, no
// products, no conversions to double, no second sample, no constants of a channel.
void two_phases(const batchnorm::ImageShape& shape, size_t threads, const float* x, const float* dy,
                float* y);

}  // namespace bench
