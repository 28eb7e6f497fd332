#include "mpi/reduce.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace batchnorm {

namespace {

// Elements whose sums are kept at a time, in the first-level cache.
constexpr size_t kBlock = 512;

// As Math.min: NaN wins, and -0 is less than 0.
double smaller(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

double greater(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

template <class T>
void add_block(Reduction reduction, const T* values, size_t n, double* totals) {
  switch (reduction) {
    case Reduction::kMin:
      for (size_t i = 0; i < n; i++) totals[i] = smaller(totals[i], values[i]);
      break;
    case Reduction::kMax:
      for (size_t i = 0; i < n; i++) totals[i] = greater(totals[i], values[i]);
      break;
    default:
      for (size_t i = 0; i < n; i++) totals[i] += static_cast<double>(values[i]);
  }
}

template <class T>
void reduce_all(Reduction reduction, const uint8_t* first, size_t stride, size_t ranks, size_t n,
                uint8_t* result) {
  double totals[kBlock];
  const double divisor = reduction == Reduction::kMean ? static_cast<double>(ranks) : 1.0;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t count = std::min(kBlock, n - begin);
    for (size_t rank = 0; rank < ranks; rank++) {
      const T* values = reinterpret_cast<const T*>(first + rank * stride) + begin;
      // The first rank's values themselves, because 0 + -0 is 0.
      if (rank == 0) {
        for (size_t i = 0; i < count; i++) totals[i] = static_cast<double>(values[i]);
      } else {
        add_block(reduction, values, count, totals);
      }
    }
    T* target = reinterpret_cast<T*>(result) + begin;
    for (size_t i = 0; i < count; i++) target[i] = static_cast<T>(totals[i] / divisor);
  }
}

}  // namespace

void reduce(Reduction reduction, size_t bytes, const uint8_t* first, size_t stride, size_t ranks,
            size_t n, uint8_t* result) {
  if (bytes == sizeof(float)) {
    reduce_all<float>(reduction, first, stride, ranks, n, result);
  } else {
    reduce_all<double>(reduction, first, stride, ranks, n, result);
  }
}

}  // namespace batchnorm
