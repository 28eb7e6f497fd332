#include "ops/optimizers.h"

#include "ops/parallel.h"

namespace batchnorm {

namespace {

float* part(float* array, size_t begin) { return array == nullptr ? nullptr : array + begin; }

}  // namespace

void sgd_step(const Kernels& kernels, float* parameter, const float* gradient, float* velocity,
              size_t n, const SgdStep& step) {
  for_each_piece(n, [&](size_t begin, size_t end) {
    kernels.sgd_step(parameter + begin, gradient + begin, part(velocity, begin), end - begin, step);
  });
}

void adam_step(const Kernels& kernels, float* parameter, const float* gradient, float* moment1,
               float* moment2, float* max_moment2, size_t n, const AdamStep& step) {
  for_each_piece(n, [&](size_t begin, size_t end) {
    kernels.adam_step(parameter + begin, gradient + begin, moment1 + begin, moment2 + begin,
                      part(max_moment2, begin), end - begin, step);
  });
}

void rmsprop_step(const Kernels& kernels, float* parameter, const float* gradient,
                  float* mean_square, float* velocity, float* mean_gradient, size_t n,
                  const RmspropStep& step) {
  for_each_piece(n, [&](size_t begin, size_t end) {
    kernels.rmsprop_step(parameter + begin, gradient + begin, mean_square + begin,
                         part(velocity, begin), part(mean_gradient, begin), end - begin, step);
  });
}

}  // namespace batchnorm
