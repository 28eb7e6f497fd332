#include "binding/arguments.h"
#include "binding/exports.h"
#include "ops/elementwise.h"

namespace batchnorm {

namespace {

Napi::Value sgd_step(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t n = arguments.size(0);
  SgdStep step = {};
  step.learning_rate = static_cast<float>(arguments.number(1));
  step.l2 = static_cast<float>(arguments.number(2));
  step.decoupled = static_cast<float>(arguments.number(3));
  step.momentum = static_cast<float>(arguments.number(4));
  step.nesterov = arguments.boolean(5);
  float* parameter = arguments.floats(6, n);
  const float* gradient = arguments.floats(7, n);
  float* velocity = arguments.floats_or_null(8, n);
  if (arguments.ok()) apply_sgd(arguments.kernels(), parameter, gradient, velocity, n, step);
  return info.Env().Undefined();
}

}  // namespace

void export_optimizers(Napi::Env env, Napi::Object exports) {
  exports.Set("sgdStep", Napi::Function::New<sgd_step>(env));
}

}  // namespace batchnorm
