// Comparison of results with expected values. Each function returns a description of the failure,
// or an empty string.
//
// Tolerances only hold within the range of float32. If a term of a sum or a factor overflows, the
// result that depends on it is not checked, but all others are.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstddef>
#include <string>

#include "stress/buffer.h"

namespace stress {

constexpr double kRounding = 0x1p-24;  // relative error of one float32 rounding
constexpr double kTiny = 0x1p-149;     // the smallest float: the absolute error of an underflow

// The largest term for which the sum of a float lane (up to twelve terms) does not overflow.
constexpr double kMaxTerm = FLT_MAX / 16;

// Whether `actual` is within `tolerance` of `expected`. NaN matches NaN, Inf matches values that
// overflow float32.
bool matches(double actual, double expected, double tolerance);

// The description of what[index] if it does not match, else an empty string.
std::string compare(const char* what, size_t index, double actual, double expected,
                    double tolerance);

// The description of a value that does not match.
std::string mismatch(const char* what, size_t index, double actual, double expected,
                     double tolerance = 0);

// Checks that all bits are equal; all NaNs count as equal.
std::string compare_bits(const char* what, const Buffer& actual, const Buffer& expected);

// A sum in double, and the sum of the magnitudes of its terms.
struct Sum {
  double value = 0;
  double size = 0;

  void add(double term) {
    value += term;
    size += term < 0 ? -term : term;
  }
};

// A sum whose float lanes are moved to doubles: the error is at most 1e-6 of the sum of magnitudes.
struct LaneSum {
  Sum sum;
  double largest = 0;

  void add(double term) {
    sum.add(term);
    if (std::isfinite(term)) largest = std::fmax(largest, std::fabs(term));
  }
  // Checks actual = sum / count.
  std::string compare(const char* what, size_t index, double actual, double count) const {
    if (largest > kMaxTerm) return "";
    return stress::compare(what, index, actual, sum.value / count, 1e-6 * sum.size / count + kTiny);
  }
};

// Checks a sum of floats or of their products in which each term passes through at most `roundings`
// additions and multiplications. In any order, the error is at most roundings * 2^-24 times the sum
// of magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2). Each
// of `terms` terms may underflow.
std::string compare_sum(const char* what, size_t index, double actual, const Sum& expected,
                        size_t roundings, size_t terms);

}  // namespace stress
