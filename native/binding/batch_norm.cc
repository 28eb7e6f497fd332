#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"
#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_gradient_sums.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_input_gradient.h"
#include "ops/batch_norm_moments.h"
#include "ops/batch_norm_normalize.h"
#include "ops/batch_norm_training.h"

namespace batchnorm {

namespace {

template <class Call>
ImageShape shape_of(const Call& call) {
  return {call.images, call.channels, call.plane};
}

Result training(Arguments& arguments, const BatchNormTrainingCall& call) {
  BatchNormTraining params = {};
  params.x = call.x;
  params.scale = call.scale;
  params.bias = call.bias;
  params.epsilon = call.epsilon;
  params.momentum = call.momentum;
  if (call.running_mean != nullptr && call.running_var != nullptr) {
    params.running_mean = call.running_mean;
    params.running_var = call.running_var;
  }
  params.y = call.y;
  params.mean = call.mean;
  params.mean_low = call.mean_low;
  params.inv_std = call.inv_std;
  params.relu = call.relu;
  params.residual = call.residual;
  params.factor = call.factor;
  params.shift = call.shift;
  return arguments.finish(batch_norm_training(arguments.kernels(), shape_of(call), params));
}

Result inference(Arguments& arguments, const BatchNormInferenceCall& call) {
  BatchNormInference params = {};
  params.x = call.x;
  params.scale = call.scale;
  params.bias = call.bias;
  params.running_mean = call.running_mean;
  params.running_var = call.running_var;
  params.epsilon = call.epsilon;
  params.y = call.y;
  params.relu = call.relu;
  params.residual = call.residual;
  return arguments.finish(batch_norm_inference(arguments.kernels(), shape_of(call), params));
}

Result backward(Arguments& arguments, const BatchNormBackwardCall& call) {
  BatchNormBackward params = {};
  params.x = call.x;
  params.dy = call.dy;
  params.scale = call.scale;
  params.mean = call.mean;
  params.mean_low = call.mean_low;
  params.inv_std = call.inv_std;
  params.dx = call.dx;
  params.dscale = call.dscale;
  params.dbias = call.dbias;
  if (call.dresidual != nullptr) {
    params.y = call.y;
    params.dresidual = call.dresidual;
  } else {
    params.factor = call.factor;
    params.shift = call.shift;
  }
  return arguments.finish(batch_norm_backward(arguments.kernels(), shape_of(call), params));
}

Result moments(Arguments& arguments, const BatchNormMomentsCall& call) {
  return arguments.finish(
      batch_norm_moments(arguments.kernels(), shape_of(call), call.x, call.mean, call.m2));
}

Result normalize(Arguments& arguments, const BatchNormNormalizeCall& call) {
  const NormalizeTensors tensors = {call.x,    call.scale,    call.bias,
                                    call.relu, call.residual, call.y};
  return arguments.finish(batch_norm_normalize(arguments.kernels(), shape_of(call), tensors,
                                               call.mean, call.inv_std, call.factor, call.shift));
}

Result gradient_sums(Arguments& arguments, const BatchNormGradientSumsCall& call) {
  const bool added = call.dresidual != nullptr;
  const OutputGradient gradient = {call.dy, added ? nullptr : call.factor,
                                   added ? nullptr : call.shift, call.y, call.dresidual};
  return arguments.finish(batch_norm_gradient_sums(arguments.kernels(), shape_of(call), call.x,
                                                   call.mean, call.mean_low, gradient, call.sum_dy,
                                                   call.sum_dy_xmu));
}

Result input_gradient(Arguments& arguments, const BatchNormInputGradientCall& call) {
  const OutputGradient gradient = {call.dy, call.factor, call.shift, nullptr, nullptr};
  const KeptStatistics statistics = {call.mean, call.mean_low, call.inv_std};
  return arguments.finish(batch_norm_input_gradient(arguments.kernels(), shape_of(call), call.count,
                                                    call.x, call.scale, statistics, gradient,
                                                    call.sum_dy, call.sum_dy_xmu, call.dx));
}

}  // namespace

void export_batch_norm(Exports& exports) {
  export_operation<BatchNormTrainingCall, training>(exports);
  export_operation<BatchNormInferenceCall, inference>(exports);
  export_operation<BatchNormBackwardCall, backward>(exports);
  export_operation<BatchNormMomentsCall, moments>(exports);
  export_operation<BatchNormNormalizeCall, normalize>(exports);
  export_operation<BatchNormGradientSumsCall, gradient_sums>(exports);
  export_operation<BatchNormInputGradientCall, input_gradient>(exports);
}

}  // namespace batchnorm
