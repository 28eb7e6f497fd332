// One call of one operation: chosen, made, and compared with the oracle.
#pragma once

#include <cstdint>
#include <string>

#include "kernels.h"
#include "stress/choices.h"

namespace stress {

struct Outcome {
  std::string what;   // operation, ISA, sizes
  std::string wrong;  // what is wrong with the result, or nothing
  uint64_t digest;    // of all bits of the result, any NaN being the same
};

// Tensors have at most about so many elements. Without `only`, the ISA is one of the choices.
Outcome run_case(Choices& choices, size_t most_elements, const batchnorm::Kernels* only);

}  // namespace stress
