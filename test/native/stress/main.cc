// The stress program: random cases of every operation. Each case is run by one caller on one
// thread, then by several callers at once with other numbers of threads and cache sizes. Both times
// the result must be within the numerics contract, and its bits must be the same.
//
//   stress [--cases N] [--seed N] [--elements N] [--isa NAME]
#if !defined(__wasm__)
#include <pthread.h>
#endif

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "dispatch.h"
#include "stress/cases.h"
#include "stress/machine.h"

namespace {

using stress::Outcome;

struct Options {
  size_t cases = 1000;
  size_t seed = 1;
  size_t elements = 60000;
  const batchnorm::Kernels* only = nullptr;
};

// A batch of cases that several callers work on.
struct Round {
  const Options& options;
  size_t first;                   // number of the first case
  std::vector<uint64_t> digests;  // one per case
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  bool compare = false;  // compare with the digests instead of storing them
};

bool run_one(Round& round, size_t index) {
  stress::Choices choices(round.options.seed * 1000003 + round.first + index);
  const Outcome outcome = run_case(choices, round.options.elements, round.options.only);
  const char* failure = outcome.failure.c_str();
  if (*failure == 0 && round.compare && outcome.digest != round.digests[index]) {
    failure = "its bits differ from those on one thread";
  }
  if (!round.compare) round.digests[index] = outcome.digest;
  if (*failure == 0) return true;
  std::string bytes;
  for (uint8_t each : choices.taken()) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", each);
    bytes += digits;
  }
  std::fprintf(stderr, "case %zu of seed %zu: %s: %s\nbytes of the case: %s\n", round.first + index,
               round.options.seed, outcome.what.c_str(), failure, bytes.c_str());
  return false;
}

void* run_caller(void* argument) {
  Round& round = *static_cast<Round*>(argument);
  for (;;) {
    const size_t index = round.next.fetch_add(1);
    if (index >= round.digests.size()) return nullptr;
    if (!run_one(round, index)) round.failed = true;
  }
}

#if defined(__wasm__)
// WebAssembly has one thread, so the second run differs in its cache sizes only.
bool run_callers(Round& round, size_t) {
  round.next = 0;
  run_caller(&round);
  return !round.failed;
}
#else
bool run_callers(Round& round, size_t callers) {
  round.next = 0;
  std::vector<pthread_t> threads(callers - 1);
  for (pthread_t& each : threads) {
    if (pthread_create(&each, nullptr, run_caller, &round) != 0) std::abort();
  }
  run_caller(&round);
  for (pthread_t each : threads) pthread_join(each, nullptr);
  return !round.failed;
}
#endif

size_t number(const char* option, const char* text) {
  char* end = nullptr;
  const size_t value = std::strtoull(text, &end, 10);
  if (*text == 0 || *end != 0) {
    std::fprintf(stderr, "Expected a number for %s but received %s\n", option, text);
    std::exit(2);
  }
  return value;
}

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (std::strcmp(argv[i], "--cases") == 0) {
      options.cases = number(argv[i], value);
    } else if (std::strcmp(argv[i], "--seed") == 0) {
      options.seed = number(argv[i], value);
    } else if (std::strcmp(argv[i], "--elements") == 0) {
      options.elements = number(argv[i], value);
    } else if (std::strcmp(argv[i], "--isa") == 0) {
      options.only = batchnorm::find_kernels(value);
      if (options.only == nullptr) {
        std::fprintf(stderr,
                     "Expected an ISA that this processor supports for --isa but received %s\n",
                     value);
        std::exit(2);
      }
    } else {
      std::fprintf(stderr, "Expected --cases, --seed, --elements or --isa but received %s\n",
                   argv[i]);
      std::exit(2);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr size_t kRound = 50;
  const Options options = read_options(argc, argv);
  stress::Choices choices(options.seed);
  for (size_t first = 0; first < options.cases; first += kRound) {
    const size_t count = std::min(kRound, options.cases - first);
    Round round = {options, first, std::vector<uint64_t>(count), {}, {}};
    stress::set_plain_machine();
    if (!run_callers(round, 1)) return 1;

    stress::set_machine(choices);
    round.compare = true;
    if (!run_callers(round, 1 + choices.below(4))) return 1;
  }
  std::printf("%zu cases, run twice each: within the numerics contract, with the same bits\n",
              options.cases);
  return 0;
}
