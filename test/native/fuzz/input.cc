#include "fuzz/input.h"

#include <algorithm>

#include "stress/cases.h"
#include "stress/machine.h"

namespace fuzz {

std::string run_input(const uint8_t* data, size_t size) {
  stress::Choices machine(data, std::min<size_t>(size, 4));
  const size_t max_elements = stress::choose_fuzzed_elements(machine);
  const size_t rest = std::min<size_t>(size, 4);
  stress::Outcome outcomes[2];
  for (stress::Outcome& outcome : outcomes) {
    if (&outcome == outcomes) {
      stress::set_plain_machine();
    } else {
      stress::set_machine(machine);
    }
    stress::Choices choices(data + rest, size - rest);
    outcome = stress::run_case(choices, max_elements, nullptr);
    if (!outcome.failure.empty()) return outcome.what + ": " + outcome.failure;
  }
  if (outcomes[0].digest == outcomes[1].digest) return "";
  return outcomes[0].what + ": its bits differ from those on one thread";
}

RandomCase random_case(uint64_t seed) {
  // Size, machine and case, in the order in which run_input reads them.
  stress::Choices choices(seed);
  const size_t max_elements = stress::choose_fuzzed_elements(choices);
  stress::set_machine(choices);
  const stress::Outcome outcome = stress::run_case(choices, max_elements, nullptr);
  const std::string failure = outcome.failure.empty() ? "" : outcome.what + ": " + outcome.failure;
  return {choices.taken(), failure};
}

}  // namespace fuzz
