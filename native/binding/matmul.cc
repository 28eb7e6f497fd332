#include "ops/matmul.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

Result multiply(Arguments& arguments, const MatmulCall& call) {
  Matmul params = {};
  params.rows = call.rows;
  params.depth = call.depth;
  params.columns = call.columns;
  params.transpose_a = call.transpose_a;
  params.transpose_b = call.transpose_b;
  params.a = call.a;
  params.b = call.b;
  params.c = call.c;
  return arguments.finish(matmul(arguments.kernels(), params));
}

}  // namespace

void export_matmul(Exports& exports) { export_operation<MatmulCall, multiply>(exports); }

}  // namespace batchnorm
