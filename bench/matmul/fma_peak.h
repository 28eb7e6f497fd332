#pragma once

#include <cstddef>

namespace bench {

// Runs `steps` rounds of independent fused multiply-adds in registers, with the vector width of our kernels, on
// the caller's thread; returns the number of multiply-adds.
size_t run_fused_multiply_adds(size_t steps);

}  // namespace bench
