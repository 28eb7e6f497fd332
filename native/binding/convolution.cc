#include "ops/convolution.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

// Distances beyond this could overflow in the arithmetic of ConvolutionAxis.
constexpr double kMaxReach = static_cast<double>(SIZE_MAX / 16);

bool is_valid(const ConvolutionAxis& axis) {
  if (axis.kernel == 0 || axis.stride == 0 || axis.dilation == 0) return false;
  const auto reach = [](size_t steps, size_t size) {
    return static_cast<double>(steps) * static_cast<double>(size);
  };
  return reach(axis.out_size, axis.stride) + reach(axis.kernel, axis.dilation) < kMaxReach;
}

// False, with an exception pending, if there is nothing to divide the image by or if distances
// could overflow. The lengths of the arrays have been checked.
template <class Call>
bool read_shape(Arguments& arguments, const Call& call, ConvolutionShape& shape) {
  shape.images = call.images;
  shape.groups = call.groups;
  shape.in_channels = call.in_channels;
  shape.out_channels = call.out_channels;
  shape.rows = {call.height,        call.out_height,      call.kernel_height,
                call.stride_height, call.dilation_height, call.padding_top};
  shape.columns = {call.width,        call.out_width,      call.kernel_width,
                   call.stride_width, call.dilation_width, call.padding_left};
  if (is_valid(shape.rows) && is_valid(shape.columns)) return true;
  arguments.fail_shape(
      "Expected a positive kernel, stride and dilation of fewer pixels than memory can hold");
  return false;
}

Result forward(Arguments& arguments, const Conv2dCall& call) {
  ConvolutionShape shape = {};
  if (!read_shape(arguments, call, shape)) return nullptr;
  return arguments.finish(
      convolution(arguments.kernels(), shape, {call.x, call.weight, call.bias, call.y}));
}

// Whether there are as many packed weights as the sizes demand.
bool check_packed(Arguments& arguments, const ConvolutionShape& shape, size_t length) {
  if (length >= packed_convolution_weights(arguments.kernels(), shape)) return true;
  arguments.fail_shape("Expected packedLength to be the number of packed weights");
  return false;
}

Result inference(Arguments& arguments, const Conv2dInferenceCall& call) {
  ConvolutionShape shape = {};
  if (!read_shape(arguments, call, shape) || !check_packed(arguments, shape, call.packed_length)) {
    return nullptr;
  }
  return arguments.finish(
      convolution(arguments.kernels(), shape,
                  {call.x, call.packed, call.bias, call.y, true, call.residual, call.relu}));
}

Result packed_length(Arguments& arguments, const Conv2dPackedLengthCall& call) {
  ConvolutionShape shape = {};
  if (!read_shape(arguments, call, shape)) return nullptr;
  return arguments.result(
      static_cast<double>(packed_convolution_weights(arguments.kernels(), shape)));
}

Result pack(Arguments& arguments, const Conv2dPackCall& call) {
  ConvolutionShape shape = {};
  if (!read_shape(arguments, call, shape) || !check_packed(arguments, shape, call.packed_length)) {
    return nullptr;
  }
  pack_convolution_weights(arguments.kernels(), shape, call.weight, call.packed);
  return arguments.finish(Status::kOk);
}

Result input_gradient(Arguments& arguments, const Conv2dInputGradientCall& call) {
  ConvolutionShape shape = {};
  if (!read_shape(arguments, call, shape)) return nullptr;
  return arguments.finish(convolution_input_gradient(arguments.kernels(), shape, call.dy,
                                                     call.weight, call.bias, call.dx));
}

Result add_input_gradient(Arguments& arguments, const Conv2dAddInputGradientCall& call) {
  ConvolutionShape shape = {};
  if (!read_shape(arguments, call, shape)) return nullptr;
  return arguments.finish(convolution_input_gradient(arguments.kernels(), shape, call.dy,
                                                     call.weight, nullptr, call.dx, true));
}

Result weight_gradient(Arguments& arguments, const Conv2dWeightGradientCall& call) {
  ConvolutionShape shape = {};
  if (!read_shape(arguments, call, shape)) return nullptr;
  return arguments.finish(convolution_weight_gradient(arguments.kernels(), shape, call.x, call.dy,
                                                      call.dweight, call.dbias));
}

}  // namespace

void export_convolution(Exports& exports) {
  export_operation<Conv2dCall, forward>(exports);
  export_operation<Conv2dInferenceCall, inference>(exports);
  export_operation<Conv2dPackedLengthCall, packed_length>(exports);
  export_operation<Conv2dPackCall, pack>(exports);
  export_operation<Conv2dInputGradientCall, input_gradient>(exports);
  export_operation<Conv2dAddInputGradientCall, add_input_gradient>(exports);
  export_operation<Conv2dWeightGradientCall, weight_gradient>(exports);
}

}  // namespace batchnorm
