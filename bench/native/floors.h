// What memory allows: the fastest of a few vectorized loops for y = x, z = a*x + y and the sum of x, on
// the same buffers and through the same threads as the kernels they are compared with.
#pragma once

#include <cstddef>

namespace bench {

struct FloorLoop {
  const char* name;
  // Works on elements begin .. end; x, y and z are the buffers of the case.
  void (*run)(const float* x, const float* y, float* z, size_t begin, size_t end);
};

// Plain and non-temporal stores: which is faster depends on sizes and machine.
extern const FloorLoop kCopyLoops[2];
extern const FloorLoop kTriadLoops[2];
extern const FloorLoop kReadLoops[1];

// Runs a loop over n elements on at most `threads` threads of the pool, each with one range.
void run_floor(const FloorLoop& loop, const float* x, const float* y, float* z, size_t n,
               size_t threads);

}  // namespace bench
