#include "ops/optimizers.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

float single(Arguments& arguments, const char* name) {
  return static_cast<float>(arguments.number(name));
}

napi_value sgd_step_call(Arguments& arguments) {
  const size_t n = arguments.size("n");
  SgdStep step = {};
  step.learning_rate = single(arguments, "learningRate");
  step.l2 = single(arguments, "l2");
  step.decoupled = single(arguments, "decoupled");
  step.momentum = single(arguments, "momentum");
  step.nesterov = arguments.boolean("nesterov");
  float* parameter = arguments.floats("parameter", n);
  const float* gradient = arguments.floats("gradient", n);
  float* velocity = arguments.floats_or_null("velocity", n);
  if (arguments.ok()) sgd_step(arguments.kernels(), parameter, gradient, velocity, n, step);
  return nullptr;
}

napi_value adam_step_call(Arguments& arguments) {
  const size_t n = arguments.size("n");
  AdamStep step = {};
  step.learning_rate = single(arguments, "learningRate");
  // What is close to one is subtracted from one in double: in float, 1 - 0.999 is off by 1e-5.
  const double beta1 = arguments.number("beta1");
  const double beta2 = arguments.number("beta2");
  step.beta1 = static_cast<float>(beta1);
  step.beta2 = static_cast<float>(beta2);
  step.weight1 = static_cast<float>(1 - beta1);
  step.weight2 = static_cast<float>(1 - beta2);
  step.correction1 = single(arguments, "correction1");
  step.correction2 = single(arguments, "correction2");
  step.epsilon = single(arguments, "epsilon");
  step.l2 = single(arguments, "l2");
  step.decoupled = single(arguments, "decoupled");
  float* parameter = arguments.floats("parameter", n);
  const float* gradient = arguments.floats("gradient", n);
  float* moment1 = arguments.floats("moment1", n);
  float* moment2 = arguments.floats("moment2", n);
  if (arguments.ok()) {
    adam_step(arguments.kernels(), parameter, gradient, moment1, moment2, n, step);
  }
  return nullptr;
}

napi_value rmsprop_step_call(Arguments& arguments) {
  const size_t n = arguments.size("n");
  RmspropStep step = {};
  step.learning_rate = single(arguments, "learningRate");
  step.weight = static_cast<float>(1 - arguments.number("alpha"));
  step.epsilon = single(arguments, "epsilon");
  step.momentum = single(arguments, "momentum");
  step.l2 = single(arguments, "l2");
  step.decoupled = single(arguments, "decoupled");
  float* parameter = arguments.floats("parameter", n);
  const float* gradient = arguments.floats("gradient", n);
  float* mean_square = arguments.floats("meanSquare", n);
  float* velocity = arguments.floats_or_null("velocity", n);
  float* mean_gradient = arguments.floats_or_null("meanGradient", n);
  if (arguments.ok()) {
    rmsprop_step(arguments.kernels(), parameter, gradient, mean_square, velocity, mean_gradient, n,
                 step);
  }
  return nullptr;
}

}  // namespace

void export_optimizers(Napi::Object exports) {
  export_function<sgd_step_call>(exports, "sgdStep");
  export_function<adam_step_call>(exports, "adamStep");
  export_function<rmsprop_step_call>(exports, "rmspropStep");
}

}  // namespace batchnorm
