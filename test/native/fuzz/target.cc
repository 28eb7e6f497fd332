// What libFuzzer calls: one case of the stress program, decided by the fuzzer's bytes, on one
// thread and then on a machine that the first four bytes choose. Anything wrong ends the process;
// the fuzzer leaves the input behind.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "stress/cases.h"
#include "stress/machine.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stress::Choices machine(data, std::min<size_t>(size, 4));
  const size_t most_elements = stress::choose_fuzzed_elements(machine);
  const size_t rest = std::min<size_t>(size, 4);
  stress::Outcome outcomes[2];
  for (stress::Outcome& outcome : outcomes) {
    if (&outcome == outcomes) {
      stress::set_plain_machine();
    } else {
      stress::set_machine(machine);
    }
    stress::Choices choices(data + rest, size - rest);
    outcome = stress::run_case(choices, most_elements, nullptr);
    if (!outcome.wrong.empty()) {
      std::fprintf(stderr, "%s: %s\n", outcome.what.c_str(), outcome.wrong.c_str());
      std::abort();
    }
  }
  if (outcomes[0].digest != outcomes[1].digest) {
    std::fprintf(stderr, "%s: other bits than on one thread\n", outcomes[0].what.c_str());
    std::abort();
  }
  return 0;
}
