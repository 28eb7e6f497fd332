// Training and backward without their arithmetic: an ablation that shows how close two passes over the same data
// can come to the floor on this machine.
#pragma once

#include <cstddef>

#include "ops/batch_norm_training.h"

namespace bench {

// For each group of channels, of the same size as in the kernels: sums x and, if given, dy, then computes y = x
// or y = a*x + dy over the same memory with the kernels' kind of stores. No deviations, products, conversions to
// double, second sample or per-channel constants.
void two_phases(const batchnorm::ImageShape& shape, size_t threads, const float* x, const float* dy,
                float* y);

}  // namespace bench
