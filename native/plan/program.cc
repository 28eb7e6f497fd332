#include "plan/program.h"

#include <cstdlib>
#include <cstring>

#include "system/test_hooks.h"

// The operations take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

bool is_set(const std::atomic<bool>* flag) {
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

}  // namespace

Program::~Program() {
  std::free(steps);
  std::free(numbers);
  std::free(memories);
}

bool Program::set_numbers(const double* values, size_t count, size_t steps_wanted) {
  // Not malloc(0), which may return null.
  if (fails_here()) return false;
  numbers = static_cast<double*>(std::malloc((count + 1) * sizeof(double)));
  steps = static_cast<Step*>(std::malloc((steps_wanted + 1) * sizeof(Step)));
  if (numbers == nullptr || steps == nullptr) return false;
  if (count > 0) std::memcpy(numbers, values, count * sizeof(double));
  number_count_ = count;
  step_capacity_ = steps_wanted;
  return true;
}

bool Program::add_step(StepFunction function, size_t& position) {
  if (step_count >= step_capacity_ || position >= number_count_) return false;
  const double given = numbers[position];
  const size_t begin = position + 1;
  // Also false for NaN.
  if (!(given >= 0 && given <= static_cast<double>(number_count_ - begin))) return false;
  position = begin + static_cast<size_t>(given);
  steps[step_count++] = {function, begin, position};
  return true;
}

Outcome Program::run(const CallMemories& of_call, const std::atomic<bool>* stopped,
                     const std::atomic<bool>* closing) const {
  for (size_t i = 0; i < step_count; i++) {
    if (is_set(stopped) || is_set(closing)) return Outcome::kStopped;
    const Step& step = steps[i];
    const Outcome outcome =
        compute(step.function, kernels,
                {numbers + step.begin, numbers + step.end, of_call, memories, memory_count});
    if (outcome != Outcome::kDone) return outcome;
  }
  return Outcome::kDone;
}

}  // namespace batchnorm
