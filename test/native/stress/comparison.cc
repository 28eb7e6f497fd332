#include "stress/comparison.h"

#include <cmath>
#include <cstdio>

namespace stress {

bool matches(double got, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(got);
  if (std::isinf(expected)) return got == expected;
  if (std::isinf(got)) return std::fabs(expected) + tolerance >= FLT_MAX && got * expected > 0;
  return std::fabs(got - expected) <= tolerance;
}

std::string mismatch(const char* what, size_t place, double got, double expected,
                     double tolerance) {
  char line[200];
  std::snprintf(line, sizeof line, "%s[%zu] is %.9g, expected %.9g, off by %.3g where %.3g may be",
                what, place, got, expected, std::fabs(got - expected), tolerance);
  return line;
}

std::string compare(const char* what, size_t place, double got, double expected, double tolerance) {
  return matches(got, expected, tolerance) ? "" : mismatch(what, place, got, expected, tolerance);
}

std::string compare_bits(const char* what, const Buffer& got, const Buffer& expected) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (std::isnan(got[i]) && std::isnan(expected[i])) continue;
    if (std::memcmp(got.data() + i, expected.data() + i, sizeof(float)) == 0) continue;
    return mismatch(what, i, got[i], expected[i]) + ", to the bit";
  }
  return "";
}

std::string compare_sum(const char* what, size_t place, double got, const Sum& expected,
                        size_t roundings, size_t terms) {
  if (!std::isfinite(expected.size)) {
    // Products of finite numbers that are no floats may meet an Inf of the other sign.
    if (!std::isfinite(got)) return "";
    return mismatch(what, place, got, expected.value);
  }
  if (expected.size > FLT_MAX) return "";
  const double tolerance = static_cast<double>(roundings) * kRounding * expected.size +
                           static_cast<double>(terms + 1) * kTiny;
  return compare(what, place, got, expected.value, tolerance);
}

}  // namespace stress
