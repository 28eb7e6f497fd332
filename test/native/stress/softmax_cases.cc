#include <algorithm>

#include "ops/reductions.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

constexpr double kUnit = 2 * kRounding;  // in the last place

// The largest value of a row and the sum of exp(x - largest); with a NaN, all of the row is NaN.
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
      // exp is within 2 units in the last place, of an argument that is off by half a one of
      // itself.
      if (power > 0) error += power * (distance > 0 ? 2 * kUnit + kRounding * distance : 0);
    }
    if (has_nan) sum = NAN;
  }

  double largest = -INFINITY, sum = 0;
  double error = 0;  // of the sum, in which the largest value's share of 1 is exact
};

// log is within 2 units in the last place, each difference within half a one; what is left of a sum
// next to 1 is a difference of doubles.
std::string check_log_softmax(const Buffer& x, const Buffer& y, size_t columns) {
  for (size_t row = 0; row * columns < x.size(); row++) {
    const Row of_x(x.data() + row * columns, columns);
    const double log_sum = std::log(of_x.sum);
    const double log_error = of_x.error / of_x.sum + (2 * kUnit + kRounding) * log_sum +
                             static_cast<double>(columns) * 0x1p-52;
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      const double expected = x[i] - of_x.largest - log_sum;
      const double tolerance = log_error + kRounding * (of_x.largest - x[i] + std::fabs(expected));
      const std::string wrong = compare("log_softmax", i, y[i], expected, tolerance);
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

// Two roundings after the exp and the sum.
std::string check_softmax(const Buffer& x, const Buffer& y, size_t columns) {
  for (size_t row = 0; row * columns < x.size(); row++) {
    const Row of_x(x.data() + row * columns, columns);
    for (size_t i = row * columns; i < (row + 1) * columns; i++) {
      const double distance = of_x.largest - x[i];
      const double expected = std::exp(-distance) / of_x.sum;
      // Where exp is a subnormal, its argument's error is more than its last bit; then it is zero.
      const double relative =
          2 * kUnit + kRounding * std::fmin(distance, 104) + of_x.error / of_x.sum + 2 * kRounding;
      const std::string wrong =
          compare("softmax", i, y[i], expected, relative * expected + 2 * kTiny);
      if (!wrong.empty()) return wrong;
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
        // Zero times Inf where the power is too small for a float.
        if (std::isfinite(dx[i])) return mismatch("dx", i, dx[i], expected);
        continue;
      }
      if (largest > kLargestTerm) continue;
      const double tolerance = power * (1e-6 * sum.size + 4 * kRounding * std::fabs(sum.value)) +
                               2 * kRounding * (std::fabs(dy[i]) + std::fabs(power * sum.value)) +
                               kTiny * (2 + sum.size);
      const std::string wrong = compare("dx", i, dx[i], expected, tolerance);
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

// dx = y * (dy - sum(y * dy)), the products rounded, their sum in double, then rounded.
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
      const std::string wrong = compare("dx", i, dx[i], expected, tolerance);
      if (!wrong.empty()) return wrong;
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
  return {std::min(setting.choices.below(70), setting.most_elements / (columns + 1)), columns};
}

}  // namespace

Outcome soften_to_logarithms(const Setting& setting) {
  Choices& choices = setting.choices;
  const auto [rows, columns] = choose_sizes(setting);
  Buffer x = setting.buffer(rows * columns), y = setting.buffer(rows * columns);
  // A row is what a channel is there.
  fill(x, {1, rows, columns}, choices);
  Buffer given(rows * columns, 0);
  given.copy_from(x);
  Buffer& result = choices.flip() ? x : y;
  Outcome outcome = setting.outcome("log_softmax", {rows, columns});
  batchnorm::log_softmax_rows(setting.kernels, x.data(), result.data(), rows, columns);
  outcome.wrong = guards({&x, &y});
  if (outcome.wrong.empty() && columns > 0)
    outcome.wrong = check_log_softmax(given, result, columns);
  outcome.digest = digest({&result});
  return outcome;
}

// softmax, or the gradient of either from what it gave.
Outcome soften(const Setting& setting) {
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
         dx = setting.buffer(n), given(n, 0);
  fill(x, {1, rows, columns}, choices);
  fill(dy, {1, rows, columns}, choices);
  given.copy_from(dy);
  Buffer& result = choices.flip() ? dy : dx;
  Outcome outcome = setting.outcome(operation.name, {rows, columns});
  operation.forward(setting.kernels, x.data(), y.data(), rows, columns);
  operation.backward(setting.kernels, y.data(), dy.data(), result.data(), rows, columns);
  outcome.wrong = guards({&x, &y, &dy, &dx});
  if (n == 0) return outcome;
  if (outcome.wrong.empty()) outcome.wrong = operation.check(x, y, columns);
  if (outcome.wrong.empty()) outcome.wrong = operation.check_backward(y, given, result, columns);
  outcome.digest = digest({&y, &result});
  return outcome;
}

}  // namespace stress
