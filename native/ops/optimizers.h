// Optimizer steps in place: one pass over a parameter and its optimizer state (velocity, moments),
// divided into pieces for the threads. The formulas are in kernels/*_step.inl.h.
#pragma once

#include "kernels.h"

namespace batchnorm {

// velocity is null without momentum.
void sgd_step(const Kernels& kernels, float* parameter, const float* gradient, float* velocity,
              size_t n, const SgdStep& step);

void adam_step(const Kernels& kernels, float* parameter, const float* gradient, float* moment1,
               float* moment2, float* max_moment2, size_t n, const AdamStep& step);

// velocity is null without momentum, mean_gradient is null unless centered.
void rmsprop_step(const Kernels& kernels, float* parameter, const float* gradient,
                  float* mean_square, float* velocity, float* mean_gradient, size_t n,
                  const RmspropStep& step);

}  // namespace batchnorm
