#include "ops/convolution.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

// The sizes that every call begins with, and how many floats their tensors have.
struct Call {
  explicit Call(Arguments& arguments) {
    shape.images = arguments.size("images");
    shape.in_channels = arguments.size("inChannels");
    shape.height = arguments.size("height");
    shape.width = arguments.size("width");
    shape.out_channels = arguments.size("outChannels");
    shape.kernel = arguments.size("kernel");
    shape.stride = arguments.size("stride");
    shape.padding = arguments.size("padding");
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
  const float* x = arguments.floats("x", call.x);
  const float* weight = arguments.floats("weight", call.weight);
  const float* bias = arguments.floats_or_null("bias", call.shape.out_channels);
  float* y = arguments.floats("y", call.y);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(convolution(arguments.kernels(), call.shape, x, weight, bias, y));
}

napi_value input_gradient(Arguments& arguments) {
  const Call call(arguments);
  const float* dy = arguments.floats("dy", call.y);
  const float* weight = arguments.floats("weight", call.weight);
  float* dx = arguments.floats("dx", call.x);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(
      convolution_input_gradient(arguments.kernels(), call.shape, dy, weight, dx));
}

napi_value weight_gradient(Arguments& arguments) {
  const Call call(arguments);
  const float* x = arguments.floats("x", call.x);
  const float* dy = arguments.floats("dy", call.y);
  float* dweight = arguments.floats("dweight", call.weight);
  float* dbias = arguments.floats_or_null("dbias", call.shape.out_channels);
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
