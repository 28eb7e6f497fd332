// What memory allows: the fastest of a few vectorized loops for y = x, z = a*x + y and the sum of x, on
// the same buffers and through the same threads as the kernels they are compared with.
#pragma once

#include <cstddef>
#include <vector>

namespace bench {

struct FloorLoop {
  const char* name;
  // Works on elements begin .. end; x, y and z are the buffers of the case. Streamed stores are seen by
  // others after a fence.
  void (*run)(const float* x, const float* y, float* z, size_t begin, size_t end);
};

// Plain and non-temporal stores, and vectors of 512 bits where the processor has them: which is
// fastest depends on sizes and machine.
std::vector<FloorLoop> copy_loops();
std::vector<FloorLoop> triad_loops();
std::vector<FloorLoop> read_loops();

// Runs a loop over n elements on at most `threads` threads of the pool, each with one range.
void run_floor(const FloorLoop& loop, const float* x, const float* y, float* z, size_t n,
               size_t threads);

}  // namespace bench
