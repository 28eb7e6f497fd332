#include "binding/arguments.h"
#include "binding/exports.h"
#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_training.h"

namespace batchnorm {

namespace {

// The first three arguments of all six.
ImageShape read_shape(Arguments& arguments) {
  ImageShape shape = {};
  shape.images = arguments.size("images");
  shape.channels = arguments.size("channels");
  shape.plane = arguments.size("plane");
  return shape;
}

size_t elements(const ImageShape& shape) {
  return product(product(shape.images, shape.channels), shape.plane);
}

napi_value training(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormTraining call = {};
  call.epsilon = arguments.number("epsilon");
  call.momentum = arguments.number("momentum");
  call.x = arguments.floats("x", n);
  call.scale = arguments.floats("scale", c);
  call.bias = arguments.floats("bias", c);
  call.running_mean = arguments.floats_or_null("runningMean", c);
  call.running_var = arguments.floats_or_null("runningVar", c);
  call.y = arguments.floats("y", n);
  call.mean = arguments.floats("mean", c);
  call.mean_low = arguments.floats("meanLow", c);
  call.inv_std = arguments.floats("invStd", c);
  if (!arguments.ok()) return nullptr;
  if (call.running_mean == nullptr || call.running_var == nullptr) {
    call.running_mean = nullptr;
    call.running_var = nullptr;
  }
  return arguments.finish(batch_norm_training(arguments.kernels(), shape, call));
}

napi_value inference(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormInference call = {};
  call.epsilon = arguments.number("epsilon");
  call.x = arguments.floats("x", n);
  call.scale = arguments.floats("scale", c);
  call.bias = arguments.floats("bias", c);
  call.running_mean = arguments.floats("runningMean", c);
  call.running_var = arguments.floats("runningVar", c);
  call.y = arguments.floats("y", n);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(batch_norm_inference(arguments.kernels(), shape, call));
}

napi_value backward(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormBackward call = {};
  call.x = arguments.floats("x", n);
  call.dy = arguments.floats("dy", n);
  call.scale = arguments.floats("scale", c);
  call.mean = arguments.floats("mean", c);
  call.mean_low = arguments.floats("meanLow", c);
  call.inv_std = arguments.floats("invStd", c);
  call.dx = arguments.floats("dx", n);
  call.dscale = arguments.floats("dscale", c);
  call.dbias = arguments.floats("dbias", c);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(batch_norm_backward(arguments.kernels(), shape, call));
}

// addend null for none; factor and shift come after the rest of what training writes.
napi_value relu_training(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormTraining call = {};
  call.relu = true;
  call.epsilon = arguments.number("epsilon");
  call.momentum = arguments.number("momentum");
  call.x = arguments.floats("x", n);
  call.scale = arguments.floats("scale", c);
  call.bias = arguments.floats("bias", c);
  call.running_mean = arguments.floats("runningMean", c);
  call.running_var = arguments.floats("runningVar", c);
  call.addend = arguments.floats_or_null("addend", n);
  call.y = arguments.floats("y", n);
  call.mean = arguments.floats("mean", c);
  call.mean_low = arguments.floats("meanLow", c);
  call.inv_std = arguments.floats("invStd", c);
  call.factor = arguments.floats("factor", c);
  call.shift = arguments.floats("shift", c);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(batch_norm_training(arguments.kernels(), shape, call));
}

napi_value relu_inference(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormInference call = {};
  call.relu = true;
  call.epsilon = arguments.number("epsilon");
  call.x = arguments.floats("x", n);
  call.scale = arguments.floats("scale", c);
  call.bias = arguments.floats("bias", c);
  call.running_mean = arguments.floats("runningMean", c);
  call.running_var = arguments.floats("runningVar", c);
  call.addend = arguments.floats_or_null("addend", n);
  call.y = arguments.floats("y", n);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(batch_norm_inference(arguments.kernels(), shape, call));
}

// daddend null where nothing was added; y is then not read, factor and shift are otherwise not.
napi_value relu_backward(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormBackward call = {};
  call.x = arguments.floats("x", n);
  const float* y = arguments.floats("y", n);
  call.dy = arguments.floats("dy", n);
  call.scale = arguments.floats("scale", c);
  call.mean = arguments.floats("mean", c);
  call.mean_low = arguments.floats("meanLow", c);
  call.inv_std = arguments.floats("invStd", c);
  const float* factor = arguments.floats("factor", c);
  const float* shift = arguments.floats("shift", c);
  call.dx = arguments.floats("dx", n);
  call.daddend = arguments.floats_or_null("daddend", n);
  call.dscale = arguments.floats("dscale", c);
  call.dbias = arguments.floats("dbias", c);
  if (!arguments.ok()) return nullptr;
  if (call.daddend == nullptr) {
    call.factor = factor;
    call.shift = shift;
  } else {
    call.y = y;
  }
  return arguments.finish(batch_norm_backward(arguments.kernels(), shape, call));
}

}  // namespace

void export_batch_norm(Napi::Object exports) {
  export_function<training>(exports, "batchNormTraining");
  export_function<inference>(exports, "batchNormInference");
  export_function<backward>(exports, "batchNormBackward");
  export_function<relu_training>(exports, "batchNormReluTraining");
  export_function<relu_inference>(exports, "batchNormReluInference");
  export_function<relu_backward>(exports, "batchNormReluBackward");
}

}  // namespace batchnorm
