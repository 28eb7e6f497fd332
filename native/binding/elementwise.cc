#include "ops/elementwise.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

template <UnaryKernel Kernels::*kKernel>
Result unary(Arguments& arguments, const UnaryCall& call) {
  apply_unary(arguments.kernels(), arguments.kernels().*kKernel, call.x, call.y, call.n);
  return nullptr;
}

Result run_arithmetic(Arguments& arguments, const Arithmetic& operation,
                      const ArithmeticCall& call) {
  Operand right;
  if (call.right_length == call.rows * call.columns) {
    right = Operand::kTensor;
  } else if (call.right_length == 1) {
    right = Operand::kScalar;
  } else if (call.right_length == call.columns) {
    right = Operand::kRow;
  } else {
    arguments.fail_shape("Expected the size of a tensor, of a row or 1 for rightLength");
    return nullptr;
  }
  apply_arithmetic(arguments.kernels(), operation, right, call.a, call.b, call.out, call.rows,
                   call.columns);
  return nullptr;
}

template <Arithmetic Kernels::*kOperation>
Result arithmetic(Arguments& arguments, const ArithmeticCall& call) {
  return run_arithmetic(arguments, arguments.kernels().*kOperation, call);
}

// Whether dy has a value for each of n, or one for all of them.
bool is_gradient_length(Arguments& arguments, size_t length, size_t n) {
  if (length == n || length == 1) return true;
  arguments.fail_shape("Expected n or 1 for dyLength");
  return false;
}

// Whether the derivative is computed from x or from y = f(x) is up to the kernel.
template <BinaryKernel Kernels::*kKernel>
Result unary_backward(Arguments& arguments, const UnaryBackwardCall& call) {
  if (!is_gradient_length(arguments, call.dy_length, call.n)) return nullptr;
  const Kernels& kernels = arguments.kernels();
  if (call.dy_length == call.n) {
    apply_binary(kernels, kernels.*kKernel, call.value, call.dy, call.dx, call.n);
  } else {
    apply_to_constant(kernels, kernels.*kKernel, call.value, call.dy, call.dx, call.n);
  }
  return nullptr;
}

Result fill_call(Arguments& arguments, const FillCall& call) {
  fill(arguments.kernels(), static_cast<float>(call.value), call.y, call.n);
  return nullptr;
}

Result where_call(Arguments& arguments, const WhereCall& call) {
  where(arguments.kernels(), call.condition, call.a, call.b, call.out, call.n);
  return nullptr;
}

Result leaky_relu_call(Arguments& arguments, const LeakyReluCall& call) {
  const float slope = static_cast<float>(call.slope);
  leaky_relu(arguments.kernels(), call.x, slope, call.y, call.n);
  return nullptr;
}

Result leaky_relu_backward_call(Arguments& arguments, const LeakyReluBackwardCall& call) {
  if (!is_gradient_length(arguments, call.dy_length, call.n)) return nullptr;
  const float slope = static_cast<float>(call.slope);
  leaky_relu_backward(arguments.kernels(), call.x, call.dy, call.dy_length, slope, call.dx, call.n);
  return nullptr;
}

Result dropout_call(Arguments& arguments, const DropoutCall& call) {
  Dropout params = {};
  params.key0 = static_cast<uint32_t>(call.key0);
  params.key1 = static_cast<uint32_t>(call.key1);
  params.p = static_cast<float>(call.p);
  params.scale = static_cast<float>(call.scale);
  dropout(arguments.kernels(), call.x, call.y, call.n, params);
  return nullptr;
}

}  // namespace

void export_elementwise(Exports& exports) {
#define BATCHNORM_EXPORT(member, Function) \
  export_operation<Function##Call, arithmetic<&Kernels::member>>(exports);
  BATCHNORM_ARITHMETIC_KERNELS(BATCHNORM_EXPORT)
#undef BATCHNORM_EXPORT
  export_operation<FillCall, fill_call>(exports);
  export_operation<WhereCall, where_call>(exports);
#define BATCHNORM_EXPORT(member, Function) \
  export_operation<Function##Call, unary<&Kernels::member>>(exports);
  BATCHNORM_UNARY_KERNELS(BATCHNORM_EXPORT)
#undef BATCHNORM_EXPORT
#define BATCHNORM_EXPORT(member, Function) \
  export_operation<Function##Call, unary_backward<&Kernels::member>>(exports);
  BATCHNORM_UNARY_BACKWARD_KERNELS(BATCHNORM_EXPORT)
#undef BATCHNORM_EXPORT
  export_operation<LeakyReluCall, leaky_relu_call>(exports);
  export_operation<LeakyReluBackwardCall, leaky_relu_backward_call>(exports);
  export_operation<DropoutCall, dropout_call>(exports);
}

}  // namespace batchnorm
