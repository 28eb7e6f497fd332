// A case of the stress program: one call of one operation with random sizes and values, compared
// with the oracle.
#pragma once

#include <cstdint>
#include <string>

#include "kernels.h"
#include "stress/choices.h"

namespace stress {

struct Outcome {
  std::string what;     // operation, ISA, sizes
  std::string failure;  // how the result is wrong; empty if it is right
  uint64_t digest;      // of all bits of the result; all NaNs count as equal
};

// Tensors have at most about `max_elements` elements. If `only` is null, the ISA is one of the
// choices.
Outcome run_case(Choices& choices, size_t max_elements, const batchnorm::Kernels* only);

}  // namespace stress
