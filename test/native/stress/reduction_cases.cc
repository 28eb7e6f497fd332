// Cases of sums and means.
#include "ops/reductions.h"

#include <algorithm>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::Status;

std::string check_sum_over_rows(const Buffer& x, const Buffer& out, size_t rows) {
  const size_t columns = out.size();
  for (size_t column = 0; column < columns; column++) {
    Sum expected;
    for (size_t row = 0; row < rows; row++) expected.add(x[row * columns + column]);
    // Summed in double, so only the last rounding counts.
    const double tolerance = kRounding * std::fabs(expected.value) +
                             static_cast<double>(rows) * 0x1p-52 * expected.size + kTiny;
    const std::string failure =
        compare("sum_over_rows", column, out[column], expected.value, tolerance);
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_row_means(const Buffer& x, const Buffer& means, size_t columns) {
  for (size_t row = 0; row < means.size(); row++) {
    LaneSum expected;
    for (size_t column = 0; column < columns; column++) expected.add(x[row * columns + column]);
    const std::string failure =
        expected.compare("row_means", row, means[row], static_cast<double>(columns));
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_row_means_backward(const Buffer& dy, const Buffer& dx, size_t columns) {
  for (size_t i = 0; i < dx.size(); i++) {
    const double share = static_cast<double>(dy[i / columns]) / static_cast<double>(columns);
    const std::string failure =
        compare("row_means_backward", i, dx[i], static_cast<float>(share), 0);
    if (!failure.empty()) return failure;
  }
  return "";
}

}  // namespace

Outcome run_sum(const Setting& setting) {
  const size_t n = choose_elements(setting);
  Buffer x = setting.buffer(n);
  fill(x, setting.choices);
  Outcome outcome = setting.outcome("sum_all", {n});
  double sum = -1;
  if (batchnorm::sum_all(setting.kernels, x.data(), n, &sum) != Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = guards({&x});
  LaneSum expected;
  for (size_t i = 0; i < n; i++) expected.add(x[i]);
  if (outcome.failure.empty()) outcome.failure = expected.compare("sum", 0, sum, 1);
  Digest of_sum;
  of_sum.add(sum);
  outcome.digest = of_sum.value();
  return outcome;
}

Outcome run_row_reduction(const Setting& setting) {
  Choices& choices = setting.choices;
  const size_t which = choices.below(3);
  // A row without columns has no mean.
  const size_t columns = std::max<size_t>(1, choose_plane(choices));
  const size_t rows = std::min(choices.below(300), setting.max_elements / columns);
  const char* const names[] = {"sum_over_rows", "row_means", "row_means_backward"};
  Outcome outcome = setting.outcome(names[which], {rows, columns});
  Buffer x = setting.buffer(rows * columns), sums = setting.buffer(columns),
         means = setting.buffer(rows);
  if (which == 2) {
    fill(means, choices);
    batchnorm::row_means_backward(means.data(), x.data(), rows, columns);
    outcome.failure = guards({&x, &means});
    if (outcome.failure.empty()) outcome.failure = check_row_means_backward(means, x, columns);
    outcome.digest = digest({&x});
    return outcome;
  }
  fill(x, {1, rows, columns}, choices);
  if (which == 1) {
    batchnorm::row_means(setting.kernels, x.data(), means.data(), rows, columns);
    outcome.failure = guards({&x, &means});
    if (outcome.failure.empty()) outcome.failure = check_row_means(x, means, columns);
    outcome.digest = digest({&means});
    return outcome;
  }
  if (batchnorm::sum_over_rows(setting.kernels, x.data(), sums.data(), rows, columns) !=
      Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = guards({&x, &sums});
  if (outcome.failure.empty()) outcome.failure = check_sum_over_rows(x, sums, rows);
  outcome.digest = digest({&sums});
  return outcome;
}

}  // namespace stress
