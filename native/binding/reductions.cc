#include "ops/reductions.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"

namespace batchnorm {

namespace {

Result sum(Arguments& arguments, const SumCall& call) {
  double result = 0;
  const Status status = sum_all(arguments.kernels(), call.x, call.n, &result);
  if (status != Status::kOk) return arguments.finish(status);
  return arguments.result(result);
}

Result sum_rows(Arguments& arguments, const SumRowsCall& call) {
  return arguments.finish(
      sum_over_rows(arguments.kernels(), call.x, call.out, call.rows, call.columns));
}

Result log_softmax(Arguments& arguments, const RowwiseCall& call) {
  log_softmax_rows(arguments.kernels(), call.x, call.y, call.rows, call.columns);
  return nullptr;
}

Result log_softmax_backward(Arguments& arguments, const RowwiseBackwardCall& call) {
  log_softmax_rows_backward(arguments.kernels(), call.y, call.dy, call.dx, call.rows, call.columns);
  return nullptr;
}

Result softmax(Arguments& arguments, const RowwiseCall& call) {
  softmax_rows(arguments.kernels(), call.x, call.y, call.rows, call.columns);
  return nullptr;
}

Result softmax_backward(Arguments& arguments, const RowwiseBackwardCall& call) {
  softmax_rows_backward(arguments.kernels(), call.y, call.dy, call.dx, call.rows, call.columns);
  return nullptr;
}

Result row_means_call(Arguments& arguments, const RowMeansCall& call) {
  row_means(arguments.kernels(), call.x, call.means, call.rows, call.columns);
  return nullptr;
}

Result row_means_backward_call(Arguments&, const RowMeansBackwardCall& call) {
  row_means_backward(call.dy, call.dx, call.rows, call.columns);
  return nullptr;
}

}  // namespace

void export_reductions(Exports& exports) {
  export_operation<SumCall, sum>(exports);
  export_operation<SumRowsCall, sum_rows>(exports);
  export_operation<LogSoftmaxCall, log_softmax>(exports);
  export_operation<LogSoftmaxBackwardCall, log_softmax_backward>(exports);
  export_operation<SoftmaxCall, softmax>(exports);
  export_operation<SoftmaxBackwardCall, softmax_backward>(exports);
  export_operation<RowMeansCall, row_means_call>(exports);
  export_operation<RowMeansBackwardCall, row_means_backward_call>(exports);
}

}  // namespace batchnorm
