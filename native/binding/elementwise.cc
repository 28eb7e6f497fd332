#include "ops/elementwise.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

// (n, x, y): y = f(x)
template <UnaryKernel Kernels::*kKernel>
napi_value unary(Arguments& arguments) {
  const size_t n = arguments.size(0);
  const float* x = arguments.floats(1, n);
  float* y = arguments.floats(2, n);
  if (arguments.ok()) apply_unary(arguments.kernels().*kKernel, x, y, n);
  return nullptr;
}

// (rows, columns, length of b, a, b, out): b is as long as a, as a row of a, or 1.
template <Arithmetic Kernels::*kOperation>
napi_value arithmetic(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t right_length = arguments.size(2);
  const size_t n = product(rows, columns);
  const float* a = arguments.floats(3, n);
  const float* b = arguments.floats(4, right_length);
  float* out = arguments.floats(5, n);
  if (!arguments.ok()) return nullptr;
  Operand right;
  if (right_length == n) {
    right = Operand::kTensor;
  } else if (right_length == 1) {
    right = Operand::kScalar;
  } else if (right_length == columns) {
    right = Operand::kRow;
  } else {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_SHAPE",
                           "Expected a right operand that is a tensor, a row or a scalar");
    return nullptr;
  }
  apply_arithmetic(arguments.kernels().*kOperation, right, a, b, out, rows, columns);
  return nullptr;
}

// (n, x or y, dy, dx): what the derivative is computed from, x or y = f(x), is the kernel's matter.
template <BinaryKernel Kernels::*kKernel>
napi_value unary_backward(Arguments& arguments) {
  const size_t n = arguments.size(0);
  const float* value = arguments.floats(1, n);
  const float* dy = arguments.floats(2, n);
  float* dx = arguments.floats(3, n);
  if (arguments.ok()) apply_binary(arguments.kernels().*kKernel, value, dy, dx, n);
  return nullptr;
}

napi_value leaky_relu(Arguments& arguments) {
  const size_t n = arguments.size(0);
  const float slope = static_cast<float>(arguments.number(1));
  const float* x = arguments.floats(2, n);
  float* y = arguments.floats(3, n);
  if (arguments.ok()) batchnorm::leaky_relu(arguments.kernels(), x, slope, y, n);
  return nullptr;
}

napi_value leaky_relu_backward(Arguments& arguments) {
  const size_t n = arguments.size(0);
  const float slope = static_cast<float>(arguments.number(1));
  const float* x = arguments.floats(2, n);
  const float* dy = arguments.floats(3, n);
  float* dx = arguments.floats(4, n);
  if (arguments.ok()) batchnorm::leaky_relu_backward(arguments.kernels(), x, dy, slope, dx, n);
  return nullptr;
}

// (n, key0, key1, p, scale, x, y)
napi_value dropout(Arguments& arguments) {
  const size_t n = arguments.size(0);
  Dropout by = {};
  by.key0 = static_cast<uint32_t>(arguments.size(1));
  by.key1 = static_cast<uint32_t>(arguments.size(2));
  by.p = static_cast<float>(arguments.number(3));
  by.scale = static_cast<float>(arguments.number(4));
  const float* x = arguments.floats(5, n);
  float* y = arguments.floats(6, n);
  if (arguments.ok()) batchnorm::dropout(arguments.kernels(), x, y, n, by);
  return nullptr;
}

}  // namespace

void export_elementwise(Napi::Object exports) {
  export_function<arithmetic<&Kernels::add>>(exports, "add");
  export_function<arithmetic<&Kernels::sub>>(exports, "sub");
  export_function<arithmetic<&Kernels::mul>>(exports, "mul");
  export_function<arithmetic<&Kernels::div>>(exports, "div");
  export_function<unary<&Kernels::exp>>(exports, "exp");
  export_function<unary<&Kernels::log>>(exports, "log");
  export_function<unary<&Kernels::sqrt>>(exports, "sqrt");
  export_function<unary<&Kernels::square>>(exports, "square");
  export_function<unary<&Kernels::relu>>(exports, "relu");
  export_function<unary<&Kernels::abs>>(exports, "abs");
  export_function<unary<&Kernels::sigmoid>>(exports, "sigmoid");
  export_function<unary<&Kernels::tanh>>(exports, "tanh");
  export_function<unary<&Kernels::gelu>>(exports, "gelu");
  export_function<unary_backward<&Kernels::relu_backward>>(exports, "reluBackward");
  export_function<unary_backward<&Kernels::abs_backward>>(exports, "absBackward");
  export_function<unary_backward<&Kernels::sigmoid_backward>>(exports, "sigmoidBackward");
  export_function<unary_backward<&Kernels::tanh_backward>>(exports, "tanhBackward");
  export_function<unary_backward<&Kernels::gelu_backward>>(exports, "geluBackward");
  export_function<leaky_relu>(exports, "leakyRelu");
  export_function<leaky_relu_backward>(exports, "leakyReluBackward");
  export_function<dropout>(exports, "dropout");
}

}  // namespace batchnorm
