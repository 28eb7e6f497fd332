#include "ops/matmul.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

napi_value multiply(Arguments& arguments) {
  Matmul call = {};
  call.rows = arguments.size("rows");
  call.depth = arguments.size("depth");
  call.columns = arguments.size("columns");
  call.transpose_a = arguments.boolean("transposeA");
  call.transpose_b = arguments.boolean("transposeB");
  call.a = arguments.floats("a", product(call.rows, call.depth));
  call.b = arguments.floats("b", product(call.depth, call.columns));
  call.c = arguments.floats("c", product(call.rows, call.columns));
  if (!arguments.ok()) return nullptr;
  return arguments.finish(matmul(arguments.kernels(), call));
}

}  // namespace

void export_matmul(Napi::Object exports) { export_function<multiply>(exports, "matmul"); }

}  // namespace batchnorm
