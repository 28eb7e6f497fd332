// The memory limit: the fastest of several vectorized loops for y = x, z = a*x + y and the sum of x, on the
// same buffers and threads as the kernels that are compared with it.
#pragma once

#include <cstddef>
#include <vector>

namespace bench {

struct FloorLoop {
  const char* name;
  // Works on elements begin .. end; x, y and z are the buffers of the case. Non-temporal stores are visible to
  // other threads after a fence.
  void (*run)(const float* x, const float* y, float* z, size_t begin, size_t end);
};

// Regular and non-temporal stores, and 512-bit vectors if available: which is fastest depends on sizes and
// machine.
std::vector<FloorLoop> copy_loops();
std::vector<FloorLoop> triad_loops();
std::vector<FloorLoop> read_loops();

// Runs a loop over n elements on at most `threads` threads of the pool, each with one range.
void run_floor(const FloorLoop& loop, const float* x, const float* y, float* z, size_t n,
               size_t threads);

}  // namespace bench
