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

// In float for two floats, which is bit-identical to the sum in double precision: its 53 bits are
// more than twice the 24 of a float, so rounding it a second time changes nothing (Figueroa, 1995).
template <class T>
void add_two(const T* a, const T* b, size_t n, T* result) {
  for (size_t i = 0; i < n; i++) result[i] = a[i] + b[i];
}

template <class T>
void reduce_all(Reduction reduction, const RankValues& ranks, size_t n, uint8_t* result) {
  const auto values = [&](size_t rank) {
    const uint8_t* data = rank == ranks.own_rank ? ranks.own : ranks.first + rank * ranks.stride;
    return reinterpret_cast<const T*>(data);
  };
  T* const target = reinterpret_cast<T*>(result);
  if (reduction == Reduction::kSum && ranks.count == 2) {
    add_two(values(0), values(1), n, target);
    return;
  }
  double totals[kBlock];
  const double divisor = static_cast<double>(ranks.count);
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t count = std::min(kBlock, n - begin);
    // The first rank's values themselves, because 0 + -0 is 0.
    const T* first = values(0) + begin;
    for (size_t i = 0; i < count; i++) totals[i] = static_cast<double>(first[i]);
    for (size_t rank = 1; rank < ranks.count; rank++) {
      add_block(reduction, values(rank) + begin, count, totals);
    }
    T* const block = target + begin;
    if (reduction == Reduction::kMean) {
      for (size_t i = 0; i < count; i++) block[i] = static_cast<T>(totals[i] / divisor);
    } else {
      for (size_t i = 0; i < count; i++) block[i] = static_cast<T>(totals[i]);
    }
  }
}

}  // namespace

void reduce(Reduction reduction, size_t bytes, const RankValues& ranks, size_t n, uint8_t* result) {
  if (bytes == sizeof(float)) {
    reduce_all<float>(reduction, ranks, n, result);
  } else {
    reduce_all<double>(reduction, ranks, n, result);
  }
}

}  // namespace batchnorm
