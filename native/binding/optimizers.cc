#include "ops/optimizers.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

float single(Arguments& arguments, size_t index) {
  return static_cast<float>(arguments.number(index));
}

napi_value sgd_step_call(Arguments& arguments) {
  const size_t n = arguments.size(0);
  SgdStep step = {};
  step.learning_rate = single(arguments, 1);
  step.l2 = single(arguments, 2);
  step.decoupled = single(arguments, 3);
  step.momentum = single(arguments, 4);
  step.nesterov = arguments.boolean(5);
  float* parameter = arguments.floats(6, n);
  const float* gradient = arguments.floats(7, n);
  float* velocity = arguments.floats_or_null(8, n);
  if (arguments.ok()) sgd_step(arguments.kernels(), parameter, gradient, velocity, n, step);
  return nullptr;
}

napi_value adam_step_call(Arguments& arguments) {
  const size_t n = arguments.size(0);
  // What is close to one is subtracted from one in double: in float, 1 - 0.999 is off by 1e-5.
  const double beta1 = arguments.number(2);
  const double beta2 = arguments.number(3);
  AdamStep step = {};
  step.learning_rate = single(arguments, 1);
  step.beta1 = static_cast<float>(beta1);
  step.beta2 = static_cast<float>(beta2);
  step.weight1 = static_cast<float>(1 - beta1);
  step.weight2 = static_cast<float>(1 - beta2);
  step.correction1 = single(arguments, 4);
  step.correction2 = single(arguments, 5);
  step.epsilon = single(arguments, 6);
  step.l2 = single(arguments, 7);
  step.decoupled = single(arguments, 8);
  float* parameter = arguments.floats(9, n);
  const float* gradient = arguments.floats(10, n);
  float* moment1 = arguments.floats(11, n);
  float* moment2 = arguments.floats(12, n);
  if (arguments.ok()) {
    adam_step(arguments.kernels(), parameter, gradient, moment1, moment2, n, step);
  }
  return nullptr;
}

napi_value rmsprop_step_call(Arguments& arguments) {
  const size_t n = arguments.size(0);
  RmspropStep step = {};
  step.learning_rate = single(arguments, 1);
  step.weight = static_cast<float>(1 - arguments.number(2));
  step.epsilon = single(arguments, 3);
  step.momentum = single(arguments, 4);
  step.l2 = single(arguments, 5);
  step.decoupled = single(arguments, 6);
  float* parameter = arguments.floats(7, n);
  const float* gradient = arguments.floats(8, n);
  float* mean_square = arguments.floats(9, n);
  float* velocity = arguments.floats_or_null(10, n);
  float* mean_gradient = arguments.floats_or_null(11, n);
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
