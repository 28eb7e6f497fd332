#include "ops/matmul.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

napi_value multiply(Arguments& arguments) {
  Matmul call = {};
  call.rows = arguments.size(0);
  call.depth = arguments.size(1);
  call.columns = arguments.size(2);
  call.transpose_a = arguments.boolean(3);
  call.transpose_b = arguments.boolean(4);
  call.a = arguments.floats(5, product(call.rows, call.depth));
  call.b = arguments.floats(6, product(call.depth, call.columns));
  call.c = arguments.floats(7, product(call.rows, call.columns));
  if (!arguments.ok()) return nullptr;
  return arguments.finish(matmul(arguments.kernels(), call));
}

}  // namespace

void export_matmul(Napi::Object exports) { export_function<multiply>(exports, "matmul"); }

}  // namespace batchnorm
