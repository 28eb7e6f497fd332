#include "ops/pool.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

// False, with an exception pending, if a window could lie in the padding alone or be so large that
// pool_scratch() could overflow. The lengths of the arrays have shown that windows fit the planes.
template <class Call>
bool read_params(Arguments& arguments, const Call& call, Pooling& params) {
  constexpr size_t kMaxKernel = 1 << 20;
  if (call.height == 0 || call.width == 0 || call.kernel > kMaxKernel ||
      call.padding >= call.kernel) {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_SHAPE",
                           "Expected windows that fit the planes for kernel, stride and padding");
    return false;
  }
  params.height = call.height;
  params.width = call.width;
  params.kernel = call.kernel;
  params.stride = call.stride;
  params.padding = call.padding;
  params.out_height = (call.height + 2 * call.padding - call.kernel) / call.stride + 1;
  params.out_width = (call.width + 2 * call.padding - call.kernel) / call.stride + 1;
  return true;
}

using Forward = Status (*)(const Kernels&, const float*, float*, size_t, const Pooling&);

template <Forward kForward>
napi_value forward(Arguments& arguments, const PoolCall& call) {
  Pooling params = {};
  if (!read_params(arguments, call, params)) return nullptr;
  return arguments.finish(kForward(arguments.kernels(), call.x, call.y, call.planes, params));
}

napi_value max_backward(Arguments& arguments, const MaxPoolBackwardCall& call) {
  Pooling params = {};
  if (!read_params(arguments, call, params)) return nullptr;
  return arguments.finish(max_pool_backward(arguments.kernels(), call.x, call.y, call.dy, call.dx,
                                            call.planes, params));
}

napi_value avg_backward(Arguments& arguments, const AvgPoolBackwardCall& call) {
  Pooling params = {};
  if (!read_params(arguments, call, params)) return nullptr;
  return arguments.finish(
      avg_pool_backward(arguments.kernels(), call.dy, call.dx, call.planes, params));
}

}  // namespace

void export_pool(Napi::Object exports) {
  export_operation<MaxPoolCall, forward<max_pool>>(exports);
  export_operation<MaxPoolBackwardCall, max_backward>(exports);
  export_operation<AvgPoolCall, forward<avg_pool>>(exports);
  export_operation<AvgPoolBackwardCall, avg_backward>(exports);
}

}  // namespace batchnorm
