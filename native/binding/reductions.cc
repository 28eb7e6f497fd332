#include "ops/reductions.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

napi_value sum(Arguments& arguments) {
  const size_t n = arguments.size("n");
  const float* x = arguments.floats("x", n);
  if (!arguments.ok()) return nullptr;
  double result = 0;
  const Status status = sum_all(arguments.kernels(), x, n, &result);
  if (status != Status::kOk) return arguments.finish(status);
  return Napi::Number::New(arguments.env(), result);
}

napi_value sum_rows(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const float* x = arguments.floats("x", product(rows, columns));
  float* out = arguments.floats("out", columns);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(sum_over_rows(arguments.kernels(), x, out, rows, columns));
}

napi_value log_softmax(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const size_t n = product(rows, columns);
  const float* x = arguments.floats("x", n);
  float* y = arguments.floats("y", n);
  if (arguments.ok()) log_softmax_rows(arguments.kernels(), x, y, rows, columns);
  return nullptr;
}

napi_value log_softmax_backward(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const size_t n = product(rows, columns);
  const float* y = arguments.floats("y", n);
  const float* dy = arguments.floats("dy", n);
  float* dx = arguments.floats("dx", n);
  if (arguments.ok()) {
    log_softmax_rows_backward(arguments.kernels(), y, dy, dx, rows, columns);
  }
  return nullptr;
}

napi_value softmax(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const size_t n = product(rows, columns);
  const float* x = arguments.floats("x", n);
  float* y = arguments.floats("y", n);
  if (arguments.ok()) softmax_rows(arguments.kernels(), x, y, rows, columns);
  return nullptr;
}

napi_value softmax_backward(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const size_t n = product(rows, columns);
  const float* y = arguments.floats("y", n);
  const float* dy = arguments.floats("dy", n);
  float* dx = arguments.floats("dx", n);
  if (arguments.ok()) softmax_rows_backward(arguments.kernels(), y, dy, dx, rows, columns);
  return nullptr;
}

napi_value row_means(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const float* x = arguments.floats("x", product(rows, columns));
  float* means = arguments.floats("means", rows);
  if (arguments.ok()) batchnorm::row_means(arguments.kernels(), x, means, rows, columns);
  return nullptr;
}

napi_value row_means_backward(Arguments& arguments) {
  const size_t rows = arguments.size("rows");
  const size_t columns = arguments.size("columns");
  const float* dy = arguments.floats("dy", rows);
  float* dx = arguments.floats("dx", product(rows, columns));
  if (arguments.ok()) batchnorm::row_means_backward(dy, dx, rows, columns);
  return nullptr;
}

}  // namespace

void export_reductions(Napi::Object exports) {
  export_function<sum>(exports, "sum");
  export_function<sum_rows>(exports, "sumRows");
  export_function<log_softmax>(exports, "logSoftmax");
  export_function<log_softmax_backward>(exports, "logSoftmaxBackward");
  export_function<softmax>(exports, "softmax");
  export_function<softmax_backward>(exports, "softmaxBackward");
  export_function<row_means>(exports, "rowMeans");
  export_function<row_means_backward>(exports, "rowMeansBackward");
}

}  // namespace batchnorm
