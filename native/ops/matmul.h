// Matrix multiplication in blocks that fit the caches, on several threads for large matrices.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// a is rows x depth, or depth x rows if transposed; b is depth x columns, or columns x depth if
// transposed; c is rows x columns and must overlap neither.
struct Matmul {
  const float* a;
  const float* b;
  float* c;
  size_t rows;
  size_t depth;
  size_t columns;
  bool transpose_a;
  bool transpose_b;
};

// c = a * b
Status matmul(const Kernels& kernels, const Matmul& arguments);

}  // namespace batchnorm
