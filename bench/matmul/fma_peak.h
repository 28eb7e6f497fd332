#pragma once

#include <cstddef>

namespace bench {

// Runs `steps` rounds of independent fused multiply-adds in registers, as wide as our kernels have them
// here, on the caller's thread; returns how many floats were multiplied and added.
size_t run_fused_multiply_adds(size_t steps);

}  // namespace bench
