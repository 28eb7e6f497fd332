#include "binding/arguments.h"
#include "binding/exports.h"
#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_training.h"

namespace batchnorm {

namespace {

// Arguments 0, 1 and 2 of all three: images, channels, plane.
ImageShape read_shape(Arguments& arguments) {
  return {arguments.size(0), arguments.size(1), arguments.size(2)};
}

size_t elements(const ImageShape& shape) {
  return product(product(shape.images, shape.channels), shape.plane);
}

napi_value training(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormTraining call = {};
  call.epsilon = arguments.number(3);
  call.momentum = arguments.number(4);
  call.x = arguments.floats(5, n);
  call.scale = arguments.floats(6, c);
  call.bias = arguments.floats(7, c);
  call.running_mean = arguments.floats_or_null(8, c);
  call.running_var = arguments.floats_or_null(9, c);
  call.y = arguments.floats(10, n);
  call.mean = arguments.floats(11, c);
  call.mean_low = arguments.floats(12, c);
  call.inv_std = arguments.floats(13, c);
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
  call.epsilon = arguments.number(3);
  call.x = arguments.floats(4, n);
  call.scale = arguments.floats(5, c);
  call.bias = arguments.floats(6, c);
  call.running_mean = arguments.floats(7, c);
  call.running_var = arguments.floats(8, c);
  call.y = arguments.floats(9, n);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(batch_norm_inference(arguments.kernels(), shape, call));
}

napi_value backward(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormBackward call = {};
  call.x = arguments.floats(3, n);
  call.dy = arguments.floats(4, n);
  call.scale = arguments.floats(5, c);
  call.mean = arguments.floats(6, c);
  call.mean_low = arguments.floats(7, c);
  call.inv_std = arguments.floats(8, c);
  call.dx = arguments.floats(9, n);
  call.dscale = arguments.floats(10, c);
  call.dbias = arguments.floats(11, c);
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
  call.epsilon = arguments.number(3);
  call.momentum = arguments.number(4);
  call.x = arguments.floats(5, n);
  call.scale = arguments.floats(6, c);
  call.bias = arguments.floats(7, c);
  call.running_mean = arguments.floats(8, c);
  call.running_var = arguments.floats(9, c);
  call.addend = arguments.floats_or_null(10, n);
  call.y = arguments.floats(11, n);
  call.mean = arguments.floats(12, c);
  call.mean_low = arguments.floats(13, c);
  call.inv_std = arguments.floats(14, c);
  call.factor = arguments.floats(15, c);
  call.shift = arguments.floats(16, c);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(batch_norm_training(arguments.kernels(), shape, call));
}

napi_value relu_inference(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormInference call = {};
  call.relu = true;
  call.epsilon = arguments.number(3);
  call.x = arguments.floats(4, n);
  call.scale = arguments.floats(5, c);
  call.bias = arguments.floats(6, c);
  call.running_mean = arguments.floats(7, c);
  call.running_var = arguments.floats(8, c);
  call.addend = arguments.floats_or_null(9, n);
  call.y = arguments.floats(10, n);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(batch_norm_inference(arguments.kernels(), shape, call));
}

// daddend null where nothing was added; y is then not read, factor and shift are otherwise not.
napi_value relu_backward(Arguments& arguments) {
  const ImageShape shape = read_shape(arguments);
  const size_t n = elements(shape);
  const size_t c = shape.channels;
  BatchNormBackward call = {};
  call.x = arguments.floats(3, n);
  const float* y = arguments.floats(4, n);
  call.dy = arguments.floats(5, n);
  call.scale = arguments.floats(6, c);
  call.mean = arguments.floats(7, c);
  call.mean_low = arguments.floats(8, c);
  call.inv_std = arguments.floats(9, c);
  const float* factor = arguments.floats(10, c);
  const float* shift = arguments.floats(11, c);
  call.dx = arguments.floats(12, n);
  call.daddend = arguments.floats_or_null(13, n);
  call.dscale = arguments.floats(14, c);
  call.dbias = arguments.floats(15, c);
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
