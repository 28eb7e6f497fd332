// How many threads an operation uses, and loops that divide arrays and matrices among them.
#pragma once

#include <algorithm>
#include <cstddef>

#include "system/thread_pool.h"

namespace batchnorm {

// Minimum number of elements per task: a few microseconds of work, much more than the cost of
// starting a task on an awake thread.
constexpr size_t kMinElementsPerTask = 32 * 1024;

// Number of threads worth using for this many elements. Waking a sleeping thread pays only for more
// work than using one that still spins after the previous operation.
inline size_t threads_for(size_t elements) {
  const size_t most = thread_count();
  if (most == 1) return 1;
  const size_t per_awake = std::min(elements_per_thread(), kMinElementsPerTask);
  const size_t awake = std::min(1 + awake_threads(), elements / per_awake);
  return std::min(most, std::max({size_t{1}, awake, elements / elements_per_thread()}));
}

// Calls function(begin, end) for pieces of 0 .. n. The pieces depend only on n.
template <class Function>
void for_each_piece(size_t n, const Function& function) {
  constexpr size_t kPiece = 32 * 1024;
  auto task = [&](size_t index, size_t) {
    function(index * kPiece, std::min(n, (index + 1) * kPiece));
  };
  parallel_for((n + kPiece - 1) / kPiece, threads_for(n), task);
}

// Calls function(begin, end) for ranges of rows of a rows x columns matrix.
template <class Function>
void for_each_row_range(size_t rows, size_t columns, const Function& function) {
  const size_t range = std::max<size_t>(1, kMinElementsPerTask / std::max<size_t>(1, columns));
  auto task = [&](size_t index, size_t) {
    function(index * range, std::min(rows, (index + 1) * range));
  };
  parallel_for((rows + range - 1) / range, threads_for(rows * columns), task);
}

}  // namespace batchnorm
