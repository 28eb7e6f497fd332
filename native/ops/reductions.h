#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// The sum of n floats, added up in double.
Status sum_all(const Kernels& kernels, const float* x, size_t n, double* result);

// out[j] = sum over the rows of x[row][j], added up in double.
Status sum_over_rows(const Kernels& kernels, const float* x, float* out, size_t rows,
                     size_t columns);

// log(softmax) of each row, and its gradient from the result y.
void log_softmax_rows(const Kernels& kernels, const float* x, float* y, size_t rows,
                      size_t columns);
void log_softmax_rows_backward(const Kernels& kernels, const float* y, const float* dy, float* dx,
                               size_t rows, size_t columns);

// softmax of each row, and its gradient from the result y.
void softmax_rows(const Kernels& kernels, const float* x, float* y, size_t rows, size_t columns);
void softmax_rows_backward(const Kernels& kernels, const float* y, const float* dy, float* dx,
                           size_t rows, size_t columns);

// means[row] = the mean of each row, added up in double; and dx of each row from dy of its mean.
void row_means(const Kernels& kernels, const float* x, float* means, size_t rows, size_t columns);
void row_means_backward(const float* dy, float* dx, size_t rows, size_t columns);

}  // namespace batchnorm
