#include "ops/losses.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

// Returns the sum.
template <LossKernel Kernels::*kKernel>
Result loss(Arguments& arguments, const LossCall& call) {
  double result = 0;
  const Status status = apply_loss(
      arguments.kernels().*kKernel, call.x, call.target, static_cast<float>(call.parameter),
      static_cast<float>(call.factor), call.losses, call.gradient, call.n, &result);
  if (status != Status::kOk) return arguments.finish(status);
  return arguments.result(result);
}

Result weighted_binary_cross_entropy(Arguments& arguments,
                                     const WeightedBinaryCrossEntropyCall& call) {
  double result = 0;
  const Status status = apply_weighted_loss(
      arguments.kernels().weighted_binary_cross_entropy, call.x, call.target, call.weight,
      static_cast<float>(call.factor), call.losses, call.gradient, call.n, &result);
  if (status != Status::kOk) return arguments.finish(status);
  return arguments.result(result);
}

}  // namespace

void export_losses(Exports& exports) {
  export_operation<SquaredErrorCall, loss<&Kernels::squared_error>>(exports);
  export_operation<AbsoluteErrorCall, loss<&Kernels::absolute_error>>(exports);
  export_operation<HuberCall, loss<&Kernels::huber>>(exports);
  export_operation<BinaryCrossEntropyCall, loss<&Kernels::binary_cross_entropy>>(exports);
  export_operation<WeightedBinaryCrossEntropyCall, weighted_binary_cross_entropy>(exports);
}

}  // namespace batchnorm
