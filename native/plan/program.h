// Lists of operations that run one after the other, without JavaScript in between.
#pragma once

#include <atomic>
#include <cstddef>

#include "plan/planned_arguments.h"

namespace batchnorm {

struct Kernels;

enum class Outcome { kDone, kStopped, kOutOfMemory, kInvalid };

// A function that reads the arguments of an operation and computes it. Only the binding knows its
// real type.
using StepFunction = void (*)();

struct Step {
  StepFunction function;
  // Indices of the step's first argument and of the next step's.
  size_t begin, end;
};

// The arena, the input and the output of a call.
using CallMemories = Memory[PlannedArguments::kOfCall];

// The steps run once for each part of the batch. Parts are neighbors in the input and the output,
// and have an arena each while they are computed.
struct Division {
  size_t parts = 1;
  // Of one part, in floats.
  size_t arena = 0, input = 0, output = 0;
};

struct Program {
  using Compute = Outcome (*)(StepFunction function, const Kernels* kernels,
                              const PlannedArguments& arguments);

  const Kernels* kernels = nullptr;
  // Calls the function of a step.
  Compute compute = nullptr;
  Step* steps = nullptr;
  size_t step_count = 0;
  double* numbers = nullptr;
  // The constants, whose arrays the program's owner keeps alive.
  Memory* memories = nullptr;
  size_t memory_count = 0;
  Division division;
  // Computes what follows the parts in the input and the output, or null. Whoever owns this program
  // keeps it alive.
  const Program* rest = nullptr;

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  // Copies the numbers: for each step, how many there are, and its arguments. False without memory.
  bool set_numbers(const double* values, size_t count, size_t steps_wanted);
  // Appends the step whose count is at numbers[position], and moves the position behind it. False
  // unless all its numbers exist.
  bool add_step(StepFunction function, size_t& position);

  // Runs all steps, for as many parts at the same time as there are threads and arenas. Both flags
  // may be null or become true at any time; then no further step starts.
  Outcome run(const CallMemories& of_call, const std::atomic<bool>* stopped,
              const std::atomic<bool>* closing) const;

 private:
  Outcome run_parts(const CallMemories& of_call, const std::atomic<bool>* stopped,
                    const std::atomic<bool>* closing) const;
  Outcome run_steps(const CallMemories& of_call, const std::atomic<bool>* stopped,
                    const std::atomic<bool>* closing) const;

  size_t number_count_ = 0;
  size_t step_capacity_ = 0;
};

}  // namespace batchnorm
