// Cases of softmax and log_softmax over rows, and of their gradients.
#include <algorithm>

#include "ops/reductions.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

constexpr double kUlp = 2 * kRounding;  // one unit in the last place, relative

// The largest value of a row and the sum of exp(x - largest). If the row contains NaN, the sum is
// NaN.
struct Row {
  Row(const float* x, size_t columns) {
    bool has_nan = false;
    for (size_t i = 0; i < columns; i++) {
      largest = std::fmax(largest, x[i]);
      has_nan = has_nan || std::isnan(x[i]);
    }
    for (size_t i = 0; i < columns; i++) {
      const double distance = largest - x[i];
      const double power = std::exp(-distance);
      sum += power;
      // exp is within 2 ulp for an argument that is rounded once.
      if (power > 0) error += power * (distance > 0 ? 2 * kUlp + kRounding * distance : 0);
    }
    if (has_nan) sum = NAN;
  }

  double largest = -INFINITY, sum = 0;
  double error = 0;  // of the sum; the largest value contributes exactly 1
};

// log is within 2 ulp and each difference is rounded once. The sum minus 1 is computed in double.
std::string check_log_softmax(const Buffer& x, const Buffer& y, size_t columns) {
  for (size_t row = 0; row * columns < x.size(); row++) {
    const Row of_x(x.data() + row * columns, columns);
    const double log_sum = std::log(of_x.sum);
    const double log_error = of_x.error / of_x.sum + (2 * kUlp + kRounding) * log_sum +
                             static_cast<double>(columns) * 0x1p-52;
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      const double expected = x[i] - of_x.largest - log_sum;
      const double tolerance = log_error + kRounding * (of_x.largest - x[i] + std::fabs(expected));
      const std::string failure = compare("log_softmax", i, y[i], expected, tolerance);
      if (!failure.empty()) return failure;
    }
  }
  return "";
}

// Two roundings in addition to the errors of exp and the sum.
std::string check_softmax(const Buffer& x, const Buffer& y, size_t columns) {
  for (size_t row = 0; row * columns < x.size(); row++) {
    const Row of_x(x.data() + row * columns, columns);
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      const double distance = of_x.largest - x[i];
      const double expected = std::exp(-distance) / of_x.sum;
      // The result underflows for distances above 104.
      const double relative =
          2 * kUlp + kRounding * std::fmin(distance, 104) + of_x.error / of_x.sum + 2 * kRounding;
      const std::string failure =
          compare("softmax", i, y[i], expected, relative * expected + 2 * kTiny);
      if (!failure.empty()) return failure;
    }
  }
  return "";
}

// dx = dy - exp(y) * sum(dy)
std::string check_log_softmax_backward(const Buffer& y, const Buffer& dy, const Buffer& dx,
                                       size_t columns) {
  for (size_t row = 0; row * columns < y.size(); row++) {
    Sum sum;
    double largest = 0;
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      sum.add(dy[i]);
      largest = std::fmax(largest, std::fabs(dy[i]));
    }
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      const double power = std::exp(static_cast<double>(y[i]));
      const double expected = dy[i] - power * sum.value;
      if (!std::isfinite(expected) || !std::isfinite(sum.size)) {
        // NaN is right, too: exp(y) may underflow, and 0 * Inf is NaN.
        if (std::isfinite(dx[i])) return mismatch("dx", i, dx[i], expected);
        continue;
      }
      if (largest > kMaxTerm) continue;
      const double tolerance = power * (1e-6 * sum.size + 4 * kRounding * std::fabs(sum.value)) +
                               2 * kRounding * (std::fabs(dy[i]) + std::fabs(power * sum.value)) +
                               kTiny * (2 + sum.size);
      const std::string failure = compare("dx", i, dx[i], expected, tolerance);
      if (!failure.empty()) return failure;
    }
  }
  return "";
}

// dx = y * (dy - sum(y * dy)). The products are rounded to float32, summed in double, and the sum
// is rounded.
std::string check_softmax_backward(const Buffer& y, const Buffer& dy, const Buffer& dx,
                                   size_t columns) {
  for (size_t row = 0; row * columns < y.size(); row++) {
    Sum sum;
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      sum.add(static_cast<double>(y[i]) * dy[i]);
    }
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      const double difference = dy[i] - sum.value;
      const double expected = y[i] * difference;
      if (std::isfinite(difference) && std::fabs(difference) > FLT_MAX / 2) continue;
      const double tolerance =
          y[i] * (2 * kRounding * sum.size + kRounding * std::fabs(difference) +
                  static_cast<double>(columns) * kTiny) +
          kRounding * std::fabs(expected) + kTiny;
      const std::string failure = compare("dx", i, dx[i], expected, tolerance);
      if (!failure.empty()) return failure;
    }
  }
  return "";
}

struct Operation {
  const char* name;
  void (*forward)(const batchnorm::Kernels&, const float* x, float* y, size_t rows, size_t columns);
  void (*backward)(const batchnorm::Kernels&, const float* y, const float* dy, float* dx,
                   size_t rows, size_t columns);
  std::string (*check)(const Buffer& x, const Buffer& y, size_t columns);
  std::string (*check_backward)(const Buffer& y, const Buffer& dy, const Buffer& dx,
                                size_t columns);
};

struct Sizes {
  size_t rows, columns;
};

Sizes choose_sizes(const Setting& setting) {
  const size_t columns = choose_plane(setting.choices);
  return {std::min(setting.choices.below(70), setting.max_elements / (columns + 1)), columns};
}

}  // namespace

Outcome run_log_softmax(const Setting& setting) {
  Choices& choices = setting.choices;
  const auto [rows, columns] = choose_sizes(setting);
  Buffer x = setting.buffer(rows * columns), y = setting.buffer(rows * columns);
  // Each row gets a pattern of its own, like a channel.
  fill(x, {1, rows, columns}, choices);
  Buffer original(rows * columns, 0);
  original.copy_from(x);
  Buffer& result = choices.flip() ? x : y;
  Outcome outcome = setting.outcome("log_softmax", {rows, columns});
  batchnorm::log_softmax_rows(setting.kernels, x.data(), result.data(), rows, columns);
  outcome.failure = guards({&x, &y});
  if (outcome.failure.empty() && columns > 0)
    outcome.failure = check_log_softmax(original, result, columns);
  outcome.digest = digest({&result});
  return outcome;
}

// softmax or log_softmax, and the gradient from its result.
Outcome run_softmax(const Setting& setting) {
  constexpr Operation kSoftmax = {"softmax", batchnorm::softmax_rows,
                                  batchnorm::softmax_rows_backward, check_softmax,
                                  check_softmax_backward};
  constexpr Operation kLogSoftmax = {"log_softmax", batchnorm::log_softmax_rows,
                                     batchnorm::log_softmax_rows_backward, check_log_softmax,
                                     check_log_softmax_backward};
  Choices& choices = setting.choices;
  const Operation& operation = choices.one_in(4) ? kLogSoftmax : kSoftmax;
  const auto [rows, columns] = choose_sizes(setting);
  const size_t n = rows * columns;
  Buffer x = setting.buffer(n), y = setting.buffer(n), dy = setting.buffer(n),
         dx = setting.buffer(n), original(n, 0);
  fill(x, {1, rows, columns}, choices);
  fill(dy, {1, rows, columns}, choices);
  original.copy_from(dy);
  Buffer& result = choices.flip() ? dy : dx;
  Outcome outcome = setting.outcome(operation.name, {rows, columns});
  operation.forward(setting.kernels, x.data(), y.data(), rows, columns);
  operation.backward(setting.kernels, y.data(), dy.data(), result.data(), rows, columns);
  outcome.failure = guards({&x, &y, &dy, &dx});
  if (n == 0) return outcome;
  if (outcome.failure.empty()) outcome.failure = operation.check(x, y, columns);
  if (outcome.failure.empty())
    outcome.failure = operation.check_backward(y, original, result, columns);
  outcome.digest = digest({&y, &result});
  return outcome;
}

}  // namespace stress
