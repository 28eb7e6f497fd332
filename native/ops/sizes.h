// Arithmetic on memory sizes. The saturating functions return SIZE_MAX on overflow, for which every
// allocation fails, so an overflow is reported as out of memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace batchnorm {

inline size_t saturating_product(size_t a, size_t b) {
  return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}
inline size_t saturating_sum(size_t a, size_t b) { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

inline size_t ceil_divide(size_t n, size_t divisor) { return (n + divisor - 1) / divisor; }

// Rounds up to whole cache lines of floats.
inline size_t whole_lines(size_t floats) {
  constexpr size_t kLine = 16;
  return floats > SIZE_MAX - kLine ? SIZE_MAX : (floats + kLine - 1) / kLine * kLine;
}

}  // namespace batchnorm
