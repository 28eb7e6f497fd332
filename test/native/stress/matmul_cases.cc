// Cases of matrix multiplication.
#include <algorithm>

#include "ops/matmul.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

std::string check_matmul(const batchnorm::Matmul& call) {
  for (size_t i = 0; i < call.rows; i++) {
    for (size_t j = 0; j < call.columns; j++) {
      Sum expected;
      for (size_t k = 0; k < call.depth; k++) {
        const double a = call.a[call.transpose_a ? k * call.rows + i : i * call.depth + k];
        const double b = call.b[call.transpose_b ? j * call.depth + k : k * call.columns + j];
        expected.add(a * b);
      }
      const std::string failure =
          compare_sum("c", i * call.columns + j, call.c[i * call.columns + j], expected,
                      call.depth + 1, call.depth);
      if (!failure.empty()) return failure;
    }
  }
  return "";
}

}  // namespace

Outcome run_matmul(const Setting& setting) {
  Choices& choices = setting.choices;
  size_t sizes[3];
  for (size_t& size : sizes) size = choices.one_in(4) ? choices.below(600) : choices.below(40);
  // The oracle needs one multiplication in double per multiplication of the kernel.
  while (sizes[0] * sizes[1] * sizes[2] > 32 * setting.max_elements) {
    size_t& largest = *std::max_element(sizes, sizes + 3);
    largest = (largest + 1) / 2;
  }
  const size_t rows = sizes[0], depth = sizes[1], columns = sizes[2];
  Buffer a = setting.buffer(rows * depth), b = setting.buffer(depth * columns),
         product = setting.buffer(rows * columns);
  fill(a, choices);
  fill(b, choices);
  const batchnorm::Matmul call = {a.data(), b.data(), product.data(), rows,
                                  depth,    columns,  choices.flip(), choices.flip()};
  Outcome outcome = setting.outcome("matmul", {rows, depth, columns});
  if (batchnorm::matmul(setting.kernels, call) != batchnorm::Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = guards({&a, &b, &product});
  if (outcome.failure.empty()) outcome.failure = check_matmul(call);
  outcome.digest = digest({&product});
  return outcome;
}

}  // namespace stress
