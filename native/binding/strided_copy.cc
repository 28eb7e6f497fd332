#include "ops/strided_copy.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

// Whether the last element lies within `length` values; nothing is accessed if a size is 0.
bool fits(const size_t* size, const size_t* stride, size_t length) {
  size_t left = length;
  for (size_t axis = 0; axis < StridedCopy::kAxes; axis++) {
    const size_t distance = product(size[axis] - 1, stride[axis]);
    if (distance >= left) return false;
    left -= distance;
  }
  return true;
}

Result strided_copy_call(Arguments& arguments, const StridedCopyCall& call) {
  const StridedCopy copy = {
      {call.size0, call.size1, call.size2, call.size3, call.size4},
      {call.x_stride0, call.x_stride1, call.x_stride2, call.x_stride3, call.x_stride4},
      {call.y_stride0, call.y_stride1, call.y_stride2, call.y_stride3, call.y_stride4}};
  for (const size_t size : copy.size) {
    if (size == 0) return nullptr;
  }
  if (!fits(copy.size, copy.x_stride, call.x_length) ||
      !fits(copy.size, copy.y_stride, call.y_length)) {
    arguments.fail_shape("Expected sizes and strides that stay within x and y");
    return nullptr;
  }
  strided_copy(call.x, call.y, copy);
  return nullptr;
}

}  // namespace

void export_strided_copy(Exports& exports) {
  export_operation<StridedCopyCall, strided_copy_call>(exports);
}

}  // namespace batchnorm
