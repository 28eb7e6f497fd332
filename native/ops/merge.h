// Merging of partial results of neighbouring chunks, in double.
#pragma once

#include "kernels.h"

namespace batchnorm {

// Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
// variances", 1979, eq. 2.1. A channel of one constant keeps exactly its value and m2 = 0.
inline void merge(Moments& into, const Moments& next) {
  const double count = into.count + next.count;
  const double delta = next.mean - into.mean;
  into.m2 += next.m2 + delta * delta * (into.count * next.count / count);
  into.mean += delta * (next.count / count);
  into.count = count;
}

inline void merge(GradientSums& into, const GradientSums& next) {
  into.dy += next.dy;
  into.dy_x += next.dy_x;
}

}  // namespace batchnorm
