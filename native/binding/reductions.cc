#include "ops/reductions.h"

#include "binding/arguments.h"
#include "binding/exports.h"

namespace batchnorm {

namespace {

napi_value sum(Arguments& arguments) {
  const size_t n = arguments.size(0);
  const float* x = arguments.floats(1, n);
  if (!arguments.ok()) return nullptr;
  double result = 0;
  const Status status = sum_all(arguments.kernels(), x, n, &result);
  if (status != Status::kOk) return arguments.finish(status);
  return Napi::Number::New(arguments.env(), result);
}

napi_value sum_rows(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const float* x = arguments.floats(2, product(rows, columns));
  float* out = arguments.floats(3, columns);
  if (!arguments.ok()) return nullptr;
  return arguments.finish(sum_over_rows(arguments.kernels(), x, out, rows, columns));
}

napi_value log_softmax(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t n = product(rows, columns);
  const float* x = arguments.floats(2, n);
  float* y = arguments.floats(3, n);
  if (arguments.ok()) log_softmax_rows(arguments.kernels(), x, y, rows, columns);
  return nullptr;
}

napi_value log_softmax_backward(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t n = product(rows, columns);
  const float* y = arguments.floats(2, n);
  const float* dy = arguments.floats(3, n);
  float* dx = arguments.floats(4, n);
  if (arguments.ok()) {
    log_softmax_rows_backward(arguments.kernels(), y, dy, dx, rows, columns);
  }
  return nullptr;
}

napi_value softmax(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t n = product(rows, columns);
  const float* x = arguments.floats(2, n);
  float* y = arguments.floats(3, n);
  if (arguments.ok()) softmax_rows(arguments.kernels(), x, y, rows, columns);
  return nullptr;
}

napi_value softmax_backward(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const size_t n = product(rows, columns);
  const float* y = arguments.floats(2, n);
  const float* dy = arguments.floats(3, n);
  float* dx = arguments.floats(4, n);
  if (arguments.ok()) softmax_rows_backward(arguments.kernels(), y, dy, dx, rows, columns);
  return nullptr;
}

napi_value row_means(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const float* x = arguments.floats(2, product(rows, columns));
  float* means = arguments.floats(3, rows);
  if (arguments.ok()) batchnorm::row_means(arguments.kernels(), x, means, rows, columns);
  return nullptr;
}

napi_value row_means_backward(Arguments& arguments) {
  const size_t rows = arguments.size(0);
  const size_t columns = arguments.size(1);
  const float* dy = arguments.floats(2, rows);
  float* dx = arguments.floats(3, product(rows, columns));
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
