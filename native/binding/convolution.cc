#include "ops/convolution.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

// The sizes that every call begins with, and how many floats their tensors have.
struct Call {
  explicit Call(Arguments& arguments) {
    shape.images = arguments.size(0);
    shape.in_channels = arguments.size(1);
    shape.height = arguments.size(2);
    shape.width = arguments.size(3);
    shape.out_channels = arguments.size(4);
    shape.kernel = arguments.size(5);
    shape.stride = arguments.size(6);
    shape.padding = arguments.size(7);
    x = product(product(shape.images, shape.in_channels), product(shape.height, shape.width));
    weight = product(product(shape.out_channels, shape.in_channels),
                     product(shape.kernel, shape.kernel));
    const size_t least = shape.height < shape.width ? shape.height : shape.width;
    const bool fits =
        shape.kernel > 0 && shape.stride > 0 && shape.kernel <= least + 2 * shape.padding;
    // What no array has where there is no output.
    y = !fits ? product(SIZE_MAX, 1)
              : product(product(shape.images, shape.out_channels),
                        product(shape.out_height(), shape.out_width()));
  }

  ConvolutionShape shape = {};

  size_t x, weight, y;
};

napi_value forward(Arguments& arguments) {
  const Call call(arguments);
  const float* x = arguments.floats(8, call.x);
  const float* weight = arguments.floats(9, call.weight);
  const float* bias = arguments.floats_or_null(10, call.shape.out_channels);
  float* y = arguments.floats(11, call.y);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(convolution(arguments.kernels(), call.shape, x, weight, bias, y));
}

napi_value input_gradient(Arguments& arguments) {
  const Call call(arguments);
  const float* dy = arguments.floats(8, call.y);
  const float* weight = arguments.floats(9, call.weight);
  float* dx = arguments.floats(10, call.x);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(
      convolution_input_gradient(arguments.kernels(), call.shape, dy, weight, dx));
}

napi_value weight_gradient(Arguments& arguments) {
  const Call call(arguments);
  const float* x = arguments.floats(8, call.x);
  const float* dy = arguments.floats(9, call.y);
  float* dweight = arguments.floats(10, call.weight);
  float* dbias = arguments.floats_or_null(11, call.shape.out_channels);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(
      convolution_weight_gradient(arguments.kernels(), call.shape, x, dy, dweight, dbias));
}

}  // namespace

void export_convolution(Napi::Object exports) {
  export_function<forward>(exports, "conv2d");
  export_function<input_gradient>(exports, "conv2dInputGradient");
  export_function<weight_gradient>(exports, "conv2dWeightGradient");
}

}  // namespace batchnorm
