// The arguments of an operation in a compiled plan.
#pragma once

#include <cstddef>

namespace batchnorm {

// Numbers in the order of the operation's signature; an array is the index of a memory, or -1 for
// null, and an offset in floats.
struct PlannedArguments {
  struct Memory {
    float* data;
    size_t length;
  };
  const double* next;
  const double* end;
  // The first memories belong to the call, the others to the plan.
  static constexpr size_t kOfCall = 3;
  const Memory* of_call;
  const Memory* of_plan;
  size_t count_of_plan;
};

using Memory = PlannedArguments::Memory;

}  // namespace batchnorm
