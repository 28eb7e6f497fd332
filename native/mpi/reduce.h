// Sums, means, minima and maxima of the ranks' values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace batchnorm {

// In the order of `reductions` in lib/distributed/call.ts.
enum class Reduction { kSum, kMean, kMin, kMax };

// Combines the elements of `ranks` arrays, which start `stride` bytes apart, in the order of the
// ranks and in double precision, as lib/distributed/reduce.ts does. `bytes` is 4 for floats and 8
// for doubles.
void reduce(Reduction reduction, size_t bytes, const uint8_t* first, size_t stride, size_t ranks,
            size_t n, uint8_t* result);

}  // namespace batchnorm
