// Which ISAs this processor can run, and their kernels.
#pragma once

#include "kernels.h"

namespace batchnorm {

// The kernels of the fastest ISA that the processor and the operating system support.
const Kernels& best_kernels();

// The kernels of the ISA with this name ("avx512", "avx2", "neon", "scalar"), or null where it
// cannot run.
const Kernels* find_kernels(const char* isa);

}  // namespace batchnorm
