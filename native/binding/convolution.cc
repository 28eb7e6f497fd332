#include "ops/convolution.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

template <class Call>
ConvolutionShape shape_of(const Call& call) {
  ConvolutionShape shape = {};
  shape.images = call.images;
  shape.in_channels = call.in_channels;
  shape.height = call.height;
  shape.width = call.width;
  shape.out_channels = call.out_channels;
  shape.kernel = call.kernel;
  shape.stride = call.stride;
  shape.padding = call.padding;
  return shape;
}

napi_value forward(Arguments& arguments, const Conv2dCall& call) {
  return arguments.finish(
      convolution(arguments.kernels(), shape_of(call), call.x, call.weight, call.bias, call.y));
}

napi_value input_gradient(Arguments& arguments, const Conv2dInputGradientCall& call) {
  return arguments.finish(convolution_input_gradient(arguments.kernels(), shape_of(call), call.dy,
                                                     call.weight, call.dx));
}

napi_value weight_gradient(Arguments& arguments, const Conv2dWeightGradientCall& call) {
  return arguments.finish(convolution_weight_gradient(arguments.kernels(), shape_of(call), call.x,
                                                      call.dy, call.dweight, call.dbias));
}

}  // namespace

void export_convolution(Napi::Object exports) {
  export_operation<Conv2dCall, forward>(exports);
  export_operation<Conv2dInputGradientCall, input_gradient>(exports);
  export_operation<Conv2dWeightGradientCall, weight_gradient>(exports);
}

}  // namespace batchnorm
