#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// a is rows x depth, or depth x rows where transposed; b is depth x columns, or columns x depth;
// c is rows x columns and overlaps neither.
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
