#include "ops/pool.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

// Whether every window begins in the plane or in the padding before it, and the padding is smaller
// than the kernel. kMaxExtent bounds pool_scratch(), which could overflow otherwise.
bool fits(const PoolAxis& axis) {
  constexpr size_t kMaxExtent = 1 << 20;
  return axis.size > 0 && axis.out > 0 && axis.kernel > 0 && axis.stride > 0 && axis.dilation > 0 &&
         axis.before < axis.kernel && axis.kernel - 1 <= (kMaxExtent - 1) / axis.dilation &&
         axis.out - 1 <= (axis.size + axis.before - 1) / axis.stride;
}

// False, with an exception pending, if windows do not fit the planes.
bool require_fit(Arguments& arguments, const Pooling& params) {
  if (fits(params.rows) && fits(params.columns)) return true;
  arguments.fail_shape("Expected windows that fit the planes for kernel, stride and padding");
  return false;
}

template <class Call>
Pooling max_params(const Call& call) {
  return {{call.height, call.out_height, call.kernel_height, call.stride_height,
           call.dilation_height, call.padding_top, 0},
          {call.width, call.out_width, call.kernel_width, call.stride_width, call.dilation_width,
           call.padding_left, 0},
          false};
}

template <class Call>
Pooling avg_params(const Call& call) {
  return {{call.height, call.out_height, call.kernel_height, call.stride_height, 1,
           call.padding_top, call.padding_bottom},
          {call.width, call.out_width, call.kernel_width, call.stride_width, 1, call.padding_left,
           call.padding_right},
          call.count_include_pad};
}

Result max_forward(Arguments& arguments, const MaxPoolCall& call) {
  const Pooling params = max_params(call);
  if (!require_fit(arguments, params)) return nullptr;
  return arguments.finish(max_pool(arguments.kernels(), call.x, call.y, call.planes, params));
}

Result max_backward(Arguments& arguments, const MaxPoolBackwardCall& call) {
  const Pooling params = max_params(call);
  if (!require_fit(arguments, params)) return nullptr;
  return arguments.finish(max_pool_backward(arguments.kernels(), call.x, call.y, call.dy, call.dx,
                                            call.planes, params));
}

Result avg_forward(Arguments& arguments, const AvgPoolCall& call) {
  const Pooling params = avg_params(call);
  if (!require_fit(arguments, params)) return nullptr;
  return arguments.finish(avg_pool(arguments.kernels(), call.x, call.y, call.planes, params));
}

Result avg_backward(Arguments& arguments, const AvgPoolBackwardCall& call) {
  const Pooling params = avg_params(call);
  if (!require_fit(arguments, params)) return nullptr;
  return arguments.finish(
      avg_pool_backward(arguments.kernels(), call.dy, call.dx, call.planes, params));
}

}  // namespace

void export_pool(Exports& exports) {
  export_operation<MaxPoolCall, max_forward>(exports);
  export_operation<MaxPoolBackwardCall, max_backward>(exports);
  export_operation<AvgPoolCall, avg_forward>(exports);
  export_operation<AvgPoolBackwardCall, avg_backward>(exports);
}

}  // namespace batchnorm
