#include "ops/losses.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

// (n, parameter, factor, x, target, gradient or null): the sum.
template <LossKernel Kernels::*kKernel>
napi_value loss(Arguments& arguments) {
  const size_t n = arguments.size("n");
  const float parameter = static_cast<float>(arguments.number("parameter"));
  const float factor = static_cast<float>(arguments.number("factor"));
  const float* x = arguments.floats("x", n);
  const float* target = arguments.floats("target", n);
  float* gradient = arguments.floats_or_null("gradient", n);
  if (!arguments.ok()) return nullptr;
  double result = 0;
  const Status status =
      apply_loss(arguments.kernels().*kKernel, x, target, parameter, factor, gradient, n, &result);
  if (status != Status::kOk) return arguments.finish(status);
  return Napi::Number::New(arguments.env(), result);
}

}  // namespace

void export_losses(Napi::Object exports) {
  export_function<loss<&Kernels::squared_error>>(exports, "squaredError");
  export_function<loss<&Kernels::absolute_error>>(exports, "absoluteError");
  export_function<loss<&Kernels::huber>>(exports, "huber");
  export_function<loss<&Kernels::binary_cross_entropy>>(exports, "binaryCrossEntropy");
}

}  // namespace batchnorm
