#include "stress/comparison.h"

#include <cmath>
#include <cstdio>

namespace stress {

bool matches(double actual, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  if (std::isinf(actual))
    return std::fabs(expected) + tolerance >= FLT_MAX && actual * expected > 0;
  return std::fabs(actual - expected) <= tolerance;
}

std::string mismatch(const char* what, size_t index, double actual, double expected,
                     double tolerance) {
  char line[200];
  std::snprintf(line, sizeof line, "%s[%zu] is %.9g, expected %.9g, off by %.3g, tolerance %.3g",
                what, index, actual, expected, std::fabs(actual - expected), tolerance);
  return line;
}

std::string compare(const char* what, size_t index, double actual, double expected,
                    double tolerance) {
  return matches(actual, expected, tolerance) ? ""
                                              : mismatch(what, index, actual, expected, tolerance);
}

std::string compare_bits(const char* what, const Buffer& actual, const Buffer& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    if (std::memcmp(actual.data() + i, expected.data() + i, sizeof(float)) == 0) continue;
    return mismatch(what, i, actual[i], expected[i]) + " (must be equal to the bit)";
  }
  return "";
}

std::string compare_sum(const char* what, size_t index, double actual, const Sum& expected,
                        size_t roundings, size_t terms) {
  if (!std::isfinite(expected.size)) {
    // Products that overflow may meet an Inf of the opposite sign.
    if (!std::isfinite(actual)) return "";
    return mismatch(what, index, actual, expected.value);
  }
  if (expected.size > FLT_MAX) return "";
  const double tolerance = static_cast<double>(roundings) * kRounding * expected.size +
                           static_cast<double>(terms + 1) * kTiny;
  return compare(what, index, actual, expected.value, tolerance);
}

}  // namespace stress
