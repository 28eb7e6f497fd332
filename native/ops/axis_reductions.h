// Reductions of x[outer][length][inner] along the middle axis to y[outer][inner]. Shape and ISA
// alone decide the order of every sum.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

struct AxisShape {
  size_t outer, length, inner;
};

// y = the sums, accumulated in double, divided by `divisor`.
Status sum_axis(const Kernels& kernels, const float* x, float* y, const AxisShape& shape,
                double divisor);

// The largest or the smallest value along an axis.
enum class Extremum { kMax, kMin };

// y = the extrema; NaN where a value is NaN, an infinity for an axis without values.
Status extremum_axis(const Kernels& kernels, const float* x, float* y, const AxisShape& shape,
                     Extremum which);

// dx from dy of extrema y: each is divided equally among the values that equal it. dx is NaN where
// y is NaN.
Status extremum_axis_backward(const float* x, const float* y, const float* dy, float* dx,
                              const AxisShape& shape);

// y = the index of the first extremum, or of the first NaN if there is one; up to 2^24 values.
void extremum_index_axis(const Kernels& kernels, const float* x, float* y, const AxisShape& shape,
                         Extremum which);

}  // namespace batchnorm
