// Operations on whole tensors, element by element, cut into pieces for the threads.
#pragma once

#include "kernels.h"

namespace batchnorm {

// What the right operand of an arithmetic operation is, next to a left one of rows x columns.
enum class Operand { kTensor, kRow, kScalar };

// y[i] = kernel(x[i]); y may be x.
void apply_unary(UnaryKernel kernel, const float* x, float* y, size_t n);

// out[i] = kernel(a[i], b[i]); out may be a or b.
void apply_binary(BinaryKernel kernel, const float* a, const float* b, float* out, size_t n);

// out = a op b where b is a tensor of the same shape, one row for all rows of a, or one number.
// out may be a, and b where that is a tensor.
void apply_arithmetic(const Arithmetic& operation, Operand right, const float* a, const float* b,
                      float* out, size_t rows, size_t columns);

// y = x > 0 ? x : slope * x, and dx from x and dy; results may be one of the inputs.
void leaky_relu(const Kernels& kernels, const float* x, float slope, float* y, size_t n);
void leaky_relu_backward(const Kernels& kernels, const float* x, const float* dy, float slope,
                         float* dx, size_t n);

// y = x * scale or 0; by.first is 0. y may be x.
void dropout(const Kernels& kernels, const float* x, float* y, size_t n, const Dropout& by);

}  // namespace batchnorm
