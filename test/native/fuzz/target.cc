// The entry point of libFuzzer: runs one case of the stress program, which the fuzzer's bytes
// determine, on one thread and then on a machine chosen by the first four bytes. A failure aborts
// the process, and libFuzzer saves the input.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "stress/cases.h"
#include "stress/machine.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
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
    if (!outcome.failure.empty()) {
      std::fprintf(stderr, "%s: %s\n", outcome.what.c_str(), outcome.failure.c_str());
      std::abort();
    }
  }
  if (outcomes[0].digest != outcomes[1].digest) {
    std::fprintf(stderr, "%s: its bits differ from those on one thread\n",
                 outcomes[0].what.c_str());
    std::abort();
  }
  return 0;
}
