#include "ops/elementwise.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

// (n, x, y): y = f(x)
template <UnaryKernel Kernels::*kKernel>
Napi::Value unary(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t n = arguments.size(0);
  const float* x = arguments.floats(1, n);
  float* y = arguments.floats(2, n);
  if (arguments.ok()) apply_unary(arguments.kernels().*kKernel, x, y, n);
  return info.Env().Undefined();
}

// (rows, columns, length of b, a, b, out): b is as long as a, as a row of a, or 1.
template <Arithmetic Kernels::*kOperation>
Napi::Value arithmetic(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t right_length = arguments.size(2);
  const size_t n = product(rows, columns);
  const float* a = arguments.floats(3, n);
  const float* b = arguments.floats(4, right_length);
  float* out = arguments.floats(5, n);
  if (!arguments.ok()) return info.Env().Undefined();
  Operand right;
  if (right_length == n) {
    right = Operand::kTensor;
  } else if (right_length == 1) {
    right = Operand::kScalar;
  } else if (right_length == columns) {
    right = Operand::kRow;
  } else {
    Napi::RangeError::New(info.Env(),
                          "Expected a right operand that is a tensor, a row or a scalar")
        .ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  apply_arithmetic(arguments.kernels().*kOperation, right, a, b, out, rows, columns);
  return info.Env().Undefined();
}

Napi::Value relu_backward(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t n = arguments.size(0);
  const float* y = arguments.floats(1, n);
  const float* dy = arguments.floats(2, n);
  float* dx = arguments.floats(3, n);
  if (arguments.ok()) apply_binary(arguments.kernels().relu_backward, y, dy, dx, n);
  return info.Env().Undefined();
}

}  // namespace

void export_elementwise(Napi::Env env, Napi::Object exports) {
  exports.Set("add", Napi::Function::New<arithmetic<&Kernels::add>>(env));
  exports.Set("sub", Napi::Function::New<arithmetic<&Kernels::sub>>(env));
  exports.Set("mul", Napi::Function::New<arithmetic<&Kernels::mul>>(env));
  exports.Set("div", Napi::Function::New<arithmetic<&Kernels::div>>(env));
  exports.Set("exp", Napi::Function::New<unary<&Kernels::exp>>(env));
  exports.Set("log", Napi::Function::New<unary<&Kernels::log>>(env));
  exports.Set("sqrt", Napi::Function::New<unary<&Kernels::sqrt>>(env));
  exports.Set("square", Napi::Function::New<unary<&Kernels::square>>(env));
  exports.Set("relu", Napi::Function::New<unary<&Kernels::relu>>(env));
  exports.Set("reluBackward", Napi::Function::New<relu_backward>(env));
}

}  // namespace batchnorm
