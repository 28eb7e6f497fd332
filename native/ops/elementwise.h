// Element-wise operations on whole tensors: divides them into pieces and runs a kernel on each, on
// several threads if the tensor is large.
#pragma once

#include "kernels.h"

namespace batchnorm {

// The right operand of an arithmetic operation whose left operand is rows x columns: a tensor of
// the same shape, one row, or a single number.
enum class Operand { kTensor, kRow, kScalar };

// Results larger than the caches bypass them, except those that replace an input.

// y[i] = kernel(x[i]); y may be x.
void apply_unary(const Kernels& kernels, UnaryKernel kernel, const float* x, float* y, size_t n);

// out[i] = kernel(a[i], b[i]); out may be a or b.
void apply_binary(const Kernels& kernels, BinaryKernel kernel, const float* a, const float* b,
                  float* out, size_t n);

// dx[i] = kernel(value[i], *dy), as for an array of equal values; dx may be value.
void apply_to_constant(const Kernels& kernels, BinaryKernel kernel, const float* value,
                       const float* dy, float* dx, size_t n);

// out = a op b, with b broadcast to the shape of a. out may be a; it may be b if b is a tensor.
void apply_arithmetic(const Kernels& kernels, const Arithmetic& operation, Operand right,
                      const float* a, const float* b, float* out, size_t rows, size_t columns);

// Each of n values of y becomes `value`.
void fill(const Kernels& kernels, float value, float* y, size_t n);

// out = condition ? a : b, for conditions other than 0; out may be any of them.
void where(const Kernels& kernels, const float* condition, const float* a, const float* b,
           float* out, size_t n);

// y = x > 0 ? x : negative_slope * x, and dx from x and dy, which has one value or as many as x;
// results may be one of the inputs of their size.
void leaky_relu(const Kernels& kernels, const float* x, float negative_slope, float* y, size_t n);
void leaky_relu_backward(const Kernels& kernels, const float* x, const float* dy, size_t dy_length,
                         float negative_slope, float* dx, size_t n);

// y = 0 with probability p, else x * scale. Ignores params.first. y may be x.
void dropout(const Kernels& kernels, const float* x, float* y, size_t n, const Dropout& params);

}  // namespace batchnorm
