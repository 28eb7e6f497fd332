#include "ops/reductions.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

Napi::Value sum(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t n = arguments.size(0);
  const float* x = arguments.floats(1, n);
  if (!arguments.ok()) return info.Env().Undefined();
  double result = 0;
  const Status status = sum_all(arguments.kernels(), x, n, &result);
  if (status != Status::kOk) return arguments.finish(status);
  return Napi::Number::New(info.Env(), result);
}

Napi::Value sum_rows(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const float* x = arguments.floats(2, product(rows, columns));
  float* out = arguments.floats(3, columns);
  if (!arguments.ok()) return info.Env().Undefined();
  return arguments.finish(sum_over_rows(arguments.kernels(), x, out, rows, columns));
}

Napi::Value log_softmax(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t n = product(rows, columns);
  const float* x = arguments.floats(2, n);
  float* y = arguments.floats(3, n);
  if (arguments.ok()) log_softmax_rows(arguments.kernels(), x, y, rows, columns);
  return info.Env().Undefined();
}

Napi::Value log_softmax_backward(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t n = product(rows, columns);
  const float* y = arguments.floats(2, n);
  const float* dy = arguments.floats(3, n);
  float* dx = arguments.floats(4, n);
  if (arguments.ok()) {
    log_softmax_rows_backward(arguments.kernels(), y, dy, dx, rows, columns);
  }
  return info.Env().Undefined();
}

}  // namespace

void export_reductions(Napi::Env env, Napi::Object exports) {
  exports.Set("sum", Napi::Function::New<sum>(env));
  exports.Set("sumRows", Napi::Function::New<sum_rows>(env));
  exports.Set("logSoftmax", Napi::Function::New<log_softmax>(env));
  exports.Set("logSoftmaxBackward", Napi::Function::New<log_softmax_backward>(env));
}

}  // namespace batchnorm
