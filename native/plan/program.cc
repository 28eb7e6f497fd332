#include "plan/program.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "system/test_hooks.h"
#include "system/thread_pool.h"

// The operations take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

bool is_set(const std::atomic<bool>* flag) {
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

Memory piece(const Memory& whole, size_t index, size_t length) {
  return {whole.data + index * length, length};
}

Memory after(const Memory& whole, size_t length) {
  return {whole.data + length, whole.length - length};
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
  const auto& [arena, input, output] = of_call;
  const auto& [parts, part_arena, part_input, part_output] = division;
  if (parts == 1 && rest == nullptr) return run_steps(of_call, stopped, closing);
  if (arena.length < part_arena || input.length / parts < part_input ||
      output.length / parts < part_output) {
    return Outcome::kInvalid;
  }
  const Outcome outcome = run_parts(of_call, stopped, closing);
  if (rest == nullptr || outcome != Outcome::kDone) return outcome;
  const CallMemories last = {arena, after(input, parts * part_input),
                             after(output, parts * part_output)};
  return rest->run(last, stopped, closing);
}

Outcome Program::run_parts(const CallMemories& of_call, const std::atomic<bool>* stopped,
                           const std::atomic<bool>* closing) const {
  // Not as a structured binding, which clang does not capture.
  const Memory& arena = of_call[0];
  const Memory& input = of_call[1];
  const Memory& output = of_call[2];
  const size_t parts = division.parts;
  const size_t arenas = division.arena == 0 ? parts : arena.length / division.arena;
  const size_t threads = std::min({thread_count(), arenas, parts});
  // Of the first part that did not end.
  std::atomic<Outcome> outcome{Outcome::kDone};
  auto run_part = [&](size_t part, size_t slot) {
    if (outcome.load(std::memory_order_relaxed) != Outcome::kDone) return;
    const CallMemories of_part = {piece(arena, slot, division.arena),
                                  piece(input, part, division.input),
                                  piece(output, part, division.output)};
    const Outcome ended = run_steps(of_part, stopped, closing);
    if (ended != Outcome::kDone) outcome.store(ended, std::memory_order_relaxed);
  };
  auto on_one_thread = [&](size_t part, size_t slot) {
    const OneThread alone;
    run_part(part, slot);
  };
  const size_t shared = threads == 1 ? 0 : parts - parts % threads;
  parallel_for(shared, threads, on_one_thread);
  // All threads share each of the others.
  for (size_t part = shared; part < parts; part++) run_part(part, 0);
  return outcome;
}

Outcome Program::run_steps(const CallMemories& of_call, const std::atomic<bool>* stopped,
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
