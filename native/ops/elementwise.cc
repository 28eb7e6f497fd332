#include "ops/elementwise.h"

#include "ops/parallel.h"

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

void apply_unary(UnaryKernel kernel, const float* x, float* y, size_t n) {
  for_each_piece(n, [&](size_t begin, size_t end) { kernel(x + begin, y + begin, end - begin); });
}

void apply_binary(BinaryKernel kernel, const float* a, const float* b, float* out, size_t n) {
  for_each_piece(
      n, [&](size_t begin, size_t end) { kernel(a + begin, b + begin, out + begin, end - begin); });
}

void apply_arithmetic(const Arithmetic& operation, Operand right, const float* a, const float* b,
                      float* out, size_t rows, size_t columns) {
  switch (right) {
    case Operand::kTensor:
      apply_binary(operation.tensor, a, b, out, rows * columns);
      return;
    case Operand::kScalar:
      for_each_piece(rows * columns, [&](size_t begin, size_t end) {
        operation.scalar(a + begin, *b, out + begin, end - begin);
      });
      return;
    case Operand::kRow:
      for_each_row_range(rows, columns, [&](size_t begin, size_t end) {
        for (size_t row = begin; row < end; row++) {
          operation.tensor(a + row * columns, b, out + row * columns, columns);
        }
      });
      return;
  }
}

void where(const Kernels& kernels, const float* condition, const float* a, const float* b,
           float* out, size_t n) {
  for_each_piece(n, [&](size_t begin, size_t end) {
    kernels.where(condition + begin, a + begin, b + begin, out + begin, end - begin);
  });
}

void leaky_relu(const Kernels& kernels, const float* x, float negative_slope, float* y, size_t n) {
  for_each_piece(n, [&](size_t begin, size_t end) {
    kernels.leaky_relu(x + begin, negative_slope, y + begin, end - begin);
  });
}

void leaky_relu_backward(const Kernels& kernels, const float* x, const float* dy,
                         float negative_slope, float* dx, size_t n) {
  for_each_piece(n, [&](size_t begin, size_t end) {
    kernels.leaky_relu_backward(x + begin, dy + begin, negative_slope, dx + begin, end - begin);
  });
}

void dropout(const Kernels& kernels, const float* x, float* y, size_t n, const Dropout& params) {
  for_each_piece(n, [&](size_t begin, size_t end) {
    Dropout piece = params;
    piece.first = begin;
    kernels.dropout(x + begin, y + begin, end - begin, piece);
  });
}

}  // namespace batchnorm
