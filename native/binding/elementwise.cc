#include "ops/elementwise.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

// (n, x, y): y = f(x)
template <UnaryKernel Kernels::*kKernel>
napi_value unary(Arguments& arguments) {
  const size_t n = arguments.size("n");
  const float* x = arguments.floats("x", n);
  float* y = arguments.floats("y", n);
  if (arguments.ok()) apply_unary(arguments.kernels().*kKernel, x, y, n);
  return nullptr;
}

// (rows, columns, length of b, a, b, out): b is as long as a, as a row of a, or 1.
template <Arithmetic Kernels::*kOperation>
napi_value arithmetic(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const size_t right_length = arguments.size("rightLength");
  const size_t n = product(rows, columns);
  const float* a = arguments.floats("a", n);
  const float* b = arguments.floats("b", right_length);
  float* out = arguments.floats("out", n);
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
                           "Expected the size of a tensor, of a row or 1 for rightLength");
    return nullptr;
  }
  apply_arithmetic(arguments.kernels().*kOperation, right, a, b, out, rows, columns);
  return nullptr;
}

// (n, x or y, dy, dx): what the derivative is computed from, x or y = f(x), is the kernel's matter.
template <BinaryKernel Kernels::*kKernel>
napi_value unary_backward(Arguments& arguments) {
  const size_t n = arguments.size("n");
  const float* value = arguments.floats("value", n);
  const float* dy = arguments.floats("dy", n);
  float* dx = arguments.floats("dx", n);
  if (arguments.ok()) apply_binary(arguments.kernels().*kKernel, value, dy, dx, n);
  return nullptr;
}

napi_value leaky_relu(Arguments& arguments) {
  const size_t n = arguments.size("n");
  const float slope = static_cast<float>(arguments.number("slope"));
  const float* x = arguments.floats("x", n);
  float* y = arguments.floats("y", n);
  if (arguments.ok()) batchnorm::leaky_relu(arguments.kernels(), x, slope, y, n);
  return nullptr;
}

napi_value leaky_relu_backward(Arguments& arguments) {
  const size_t n = arguments.size("n");
  const float slope = static_cast<float>(arguments.number("slope"));
  const float* x = arguments.floats("x", n);
  const float* dy = arguments.floats("dy", n);
  float* dx = arguments.floats("dx", n);
  if (arguments.ok()) batchnorm::leaky_relu_backward(arguments.kernels(), x, dy, slope, dx, n);
  return nullptr;
}

// (n, key0, key1, p, scale, x, y)
napi_value dropout(Arguments& arguments) {
  const size_t n = arguments.size("n");
  Dropout by = {};
  by.key0 = static_cast<uint32_t>(arguments.size("key0"));
  by.key1 = static_cast<uint32_t>(arguments.size("key1"));
  by.p = static_cast<float>(arguments.number("p"));
  by.scale = static_cast<float>(arguments.number("scale"));
  const float* x = arguments.floats("x", n);
  float* y = arguments.floats("y", n);
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
