// Chooses the kernel table that this processor can run. kernels.h describes the tables, isa/ has
// one per ISA.
#pragma once

#include "kernels.h"

namespace batchnorm {

// The kernels of the fastest ISA that the processor and the operating system support.
const Kernels& best_kernels();

// The kernels of the ISA with this name ("avx512", "avx2", "neon", "scalar"), or null if it is
// unknown or cannot run here.
const Kernels* find_kernels(const char* isa);

}  // namespace batchnorm
