#include "ops/pool.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

// planes, height, width, kernel, stride, padding: the first six arguments of every pooling
// function.
struct Planes {
  size_t count;
  Pooling by;

  size_t elements() const { return product(count, product(by.height, by.width)); }
  size_t out_elements() const { return product(count, product(by.out_height, by.out_width)); }
};

// False, with an exception pending, where a window would have no value of the plane or the working
// space could not be counted.
bool read_planes(Arguments& arguments, Planes& planes) {
  planes.count = arguments.size("planes");
  Pooling& by = planes.by;
  by.height = arguments.size("height");
  by.width = arguments.size("width");
  by.kernel = arguments.size("kernel");
  by.stride = arguments.size("stride");
  by.padding = arguments.size("padding");
  if (!arguments.ok()) return false;
  constexpr size_t kMax = 1 << 20;  // what pool_scratch() multiplies stays below 2^64
  if (by.height == 0 || by.width == 0 || by.stride == 0 || by.kernel > kMax ||
      by.padding >= by.kernel || by.kernel > by.height + 2 * by.padding ||
      by.kernel > by.width + 2 * by.padding) {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_SHAPE",
                           "Expected windows that fit the planes for kernel, stride and padding");
    return false;
  }
  by.out_height = (by.height + 2 * by.padding - by.kernel) / by.stride + 1;
  by.out_width = (by.width + 2 * by.padding - by.kernel) / by.stride + 1;
  return true;
}

using Forward = Status (*)(const Kernels&, const float*, float*, size_t, const Pooling&);

// (..., x, y)
template <Forward kForward>
napi_value forward(Arguments& arguments) {
  Planes planes;
  if (!read_planes(arguments, planes)) return nullptr;
  const float* x = arguments.floats("x", planes.elements());
  float* y = arguments.floats("y", planes.out_elements());
  if (!arguments.ok()) return nullptr;
  return arguments.finish(kForward(arguments.kernels(), x, y, planes.count, planes.by));
}

// (..., x, y, dy, dx)
napi_value max_backward(Arguments& arguments) {
  Planes planes;
  if (!read_planes(arguments, planes)) return nullptr;
  const float* x = arguments.floats("x", planes.elements());
  const float* y = arguments.floats("y", planes.out_elements());
  const float* dy = arguments.floats("dy", planes.out_elements());
  float* dx = arguments.floats("dx", planes.elements());
  if (!arguments.ok()) return nullptr;
  const Status status =
      max_pool_backward(arguments.kernels(), x, y, dy, dx, planes.count, planes.by);
  return arguments.finish(status);
}

// (..., dy, dx)
napi_value avg_backward(Arguments& arguments) {
  Planes planes;
  if (!read_planes(arguments, planes)) return nullptr;
  const float* dy = arguments.floats("dy", planes.out_elements());
  float* dx = arguments.floats("dx", planes.elements());
  if (!arguments.ok()) return nullptr;
  return arguments.finish(avg_pool_backward(arguments.kernels(), dy, dx, planes.count, planes.by));
}

}  // namespace

void export_pool(Napi::Object exports) {
  export_function<forward<max_pool>>(exports, "maxPool");
  export_function<max_backward>(exports, "maxPoolBackward");
  export_function<forward<avg_pool>>(exports, "avgPool");
  export_function<avg_backward>(exports, "avgPoolBackward");
}

}  // namespace batchnorm
