#include "ops/optimizers.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

Result sgd(Arguments& arguments, const SgdStepCall& call) {
  SgdStep step = {};
  step.learning_rate = static_cast<float>(call.learning_rate);
  step.l2 = static_cast<float>(call.l2);
  step.decoupled = static_cast<float>(call.decoupled);
  step.momentum = static_cast<float>(call.momentum);
  step.nesterov = call.nesterov;
  sgd_step(arguments.kernels(), call.parameter, call.gradient, call.velocity, call.n, step);
  return nullptr;
}

Result adam(Arguments& arguments, const AdamStepCall& call) {
  AdamStep step = {};
  step.learning_rate = static_cast<float>(call.learning_rate);
  step.beta1 = static_cast<float>(call.beta1);
  step.beta2 = static_cast<float>(call.beta2);
  // Subtracted from one in double: in float, 1 - 0.999 is off by 1e-5.
  step.weight1 = static_cast<float>(1 - call.beta1);
  step.weight2 = static_cast<float>(1 - call.beta2);
  step.correction1 = static_cast<float>(call.correction1);
  step.correction2 = static_cast<float>(call.correction2);
  step.epsilon = static_cast<float>(call.epsilon);
  step.l2 = static_cast<float>(call.l2);
  step.decoupled = static_cast<float>(call.decoupled);
  adam_step(arguments.kernels(), call.parameter, call.gradient, call.moment1, call.moment2,
            call.max_moment2, call.n, step);
  return nullptr;
}

Result rmsprop(Arguments& arguments, const RmspropStepCall& call) {
  RmspropStep step = {};
  step.learning_rate = static_cast<float>(call.learning_rate);
  step.weight = static_cast<float>(1 - call.alpha);
  step.epsilon = static_cast<float>(call.epsilon);
  step.momentum = static_cast<float>(call.momentum);
  step.l2 = static_cast<float>(call.l2);
  step.decoupled = static_cast<float>(call.decoupled);
  rmsprop_step(arguments.kernels(), call.parameter, call.gradient, call.mean_square, call.velocity,
               call.mean_gradient, call.n, step);
  return nullptr;
}

}  // namespace

void export_optimizers(Exports& exports) {
  export_operation<SgdStepCall, sgd>(exports);
  export_operation<AdamStepCall, adam>(exports);
  export_operation<RmspropStepCall, rmsprop>(exports);
}

}  // namespace batchnorm
