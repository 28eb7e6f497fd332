// Reductions of whole tensors and of the rows of matrices, and their gradients. Sums are
// accumulated in double, and their bits do not depend on the number of threads.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// *result = the sum of n floats.
Status sum_all(const Kernels& kernels, const float* x, size_t n, double* result);

// out[j] = the sum of x[row][j] over all rows.
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

// means[row] = the mean of each row, and dx of each row from dy of its mean.
void row_means(const Kernels& kernels, const float* x, float* means, size_t rows, size_t columns);
void row_means_backward(const float* dy, float* dx, size_t rows, size_t columns);

}  // namespace batchnorm
