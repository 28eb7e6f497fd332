#include "ops/elementwise.h"

#include "ops/streamed_pieces.h"

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

// Whether memory takes longer than a kernel. exp, one of the fastest of the others, takes 1.4 times
// as long with streamed stores as with plain ones.
bool is_bound_by_memory(const Kernels& kernels, UnaryKernel kernel) {
  for (UnaryKernel slow :
       {kernels.exp, kernels.log, kernels.sigmoid, kernels.tanh, kernels.gelu, kernels.silu}) {
    if (kernel == slow) return false;
  }
  return true;
}
bool is_bound_by_memory(const Kernels& kernels, BinaryKernel kernel) {
  return kernel != kernels.gelu_backward && kernel != kernels.silu_backward;
}

// dx = function(value, dy, dx, n) for an array of equal dy. Kernels read it from a tile, so that
// they compute the same bits as with a whole array.
template <class Function>
void with_constant(const Kernels& kernels, bool may_stream, const float* value, float dy, float* dx,
                   size_t n, const Function& function) {
  float constant[kStreamedTile];
  std::fill(constant, constant + std::min(n, kStreamedTile), dy);
  write_pieces(kernels, may_stream, {value}, dx, n, [&](size_t begin, size_t end, float* to) {
    for (size_t i = begin; i < end; i += kStreamedTile) {
      function(value + i, constant, to + (i - begin), std::min(end - i, kStreamedTile));
    }
  });
}

}  // namespace

void apply_unary(const Kernels& kernels, UnaryKernel kernel, const float* x, float* y, size_t n) {
  const bool may_stream = is_bound_by_memory(kernels, kernel);
  write_pieces(kernels, may_stream, {x}, y, n,
               [&](size_t begin, size_t end, float* to) { kernel(x + begin, to, end - begin); });
}

void apply_binary(const Kernels& kernels, BinaryKernel kernel, const float* a, const float* b,
                  float* out, size_t n) {
  const bool may_stream = is_bound_by_memory(kernels, kernel);
  write_pieces(kernels, may_stream, {a, b}, out, n, [&](size_t begin, size_t end, float* to) {
    kernel(a + begin, b + begin, to, end - begin);
  });
}

void apply_to_constant(const Kernels& kernels, BinaryKernel kernel, const float* value,
                       const float* dy, float* dx, size_t n) {
  with_constant(kernels, is_bound_by_memory(kernels, kernel), value, *dy, dx, n, kernel);
}

void apply_arithmetic(const Kernels& kernels, const Arithmetic& operation, Operand right,
                      const float* a, const float* b, float* out, size_t rows, size_t columns) {
  switch (right) {
    case Operand::kTensor:
      apply_binary(kernels, operation.tensor, a, b, out, rows * columns);
      return;
    case Operand::kScalar: {
      const float scalar = *b;
      write_pieces(kernels, true, {a}, out, rows * columns,
                   [&](size_t begin, size_t end, float* to) {
                     operation.scalar(a + begin, scalar, to, end - begin);
                   });
      return;
    }
    case Operand::kRow:
      write_pieces(kernels, true, {a}, out, rows * columns,
                   [&](size_t begin, size_t end, float* to) {
                     // A piece may begin and end within a row.
                     size_t column = begin % columns;
                     for (size_t i = begin; i < end; column = 0) {
                       const size_t length = std::min(end - i, columns - column);
                       operation.tensor(a + i, b + column, to + (i - begin), length);
                       i += length;
                     }
                   });
      return;
  }
}

void fill(const Kernels& kernels, float value, float* y, size_t n) {
  write_pieces(kernels, true, {}, y, n, [&](size_t begin, size_t end, float* to) {
    std::fill(to, to + (end - begin), value);
  });
}

void where(const Kernels& kernels, const float* condition, const float* a, const float* b,
           float* out, size_t n) {
  write_pieces(kernels, true, {condition, a, b}, out, n, [&](size_t begin, size_t end, float* to) {
    kernels.where(condition + begin, a + begin, b + begin, to, end - begin);
  });
}

void leaky_relu(const Kernels& kernels, const float* x, float negative_slope, float* y, size_t n) {
  write_pieces(kernels, true, {x}, y, n, [&](size_t begin, size_t end, float* to) {
    kernels.leaky_relu(x + begin, negative_slope, to, end - begin);
  });
}

void leaky_relu_backward(const Kernels& kernels, const float* x, const float* dy, size_t dy_length,
                         float negative_slope, float* dx, size_t n) {
  if (dy_length != n) {
    with_constant(kernels, true, x, *dy, dx, n,
                  [&](const float* value, const float* constant, float* to, size_t length) {
                    kernels.leaky_relu_backward(value, constant, negative_slope, to, length);
                  });
    return;
  }
  write_pieces(kernels, true, {x, dy}, dx, n, [&](size_t begin, size_t end, float* to) {
    kernels.leaky_relu_backward(x + begin, dy + begin, negative_slope, to, end - begin);
  });
}

void dropout(const Kernels& kernels, const float* x, float* y, size_t n, const Dropout& params) {
  // The random numbers take the time.
  write_pieces(kernels, false, {x}, y, n, [&](size_t begin, size_t end, float* to) {
    Dropout piece = params;
    piece.first = begin;
    kernels.dropout(x + begin, to, end - begin, piece);
  });
}

}  // namespace batchnorm
