// Sums, means, minima and maxima of the ranks' values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace batchnorm {

// In the order of `reductions` in lib/distributed/call.ts.
enum class Reduction { kSum, kMean, kMin, kMax };

constexpr size_t kNoRank = SIZE_MAX;

// The values of all ranks: arrays that start `stride` bytes apart, except that of the rank
// `own_rank`.
struct RankValues {
  const uint8_t* first;
  size_t stride;
  size_t count;
  size_t own_rank = kNoRank;
  const uint8_t* own = nullptr;
};

// Combines `n` elements of every rank in the order of the ranks and in double precision, as
// lib/distributed/reduce.ts does. `bytes` is 4 for floats and 8 for doubles. The result may be
// `own`.
void reduce(Reduction reduction, size_t bytes, const RankValues& ranks, size_t n, uint8_t* result);

}  // namespace batchnorm
