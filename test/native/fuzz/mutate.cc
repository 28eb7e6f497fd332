// A fuzzer without coverage for WebAssembly, which has no libFuzzer: it changes the bytes of random
// cases and runs the cases that result. A failing one is printed as found_cases_test.cc takes it.
//
//   fuzz_mutate EXECUTIONS SEED
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fuzz/input.h"
#include "stress/choices.h"

namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kRandomCases = 400;
constexpr size_t kMaxLength = 512;

bool passes(const Bytes& bytes) {
  const std::string failure = fuzz::run_input(bytes.data(), bytes.size());
  if (failure.empty()) return true;
  std::fprintf(stderr, "%s\nbytes of the case: ", failure.c_str());
  // Without those of the machine.
  for (size_t i = 4; i < bytes.size(); i++) std::fprintf(stderr, "%02x", bytes[i]);
  std::fprintf(stderr, "\n");
  return false;
}

uint8_t any_byte(stress::Sequence& random) { return static_cast<uint8_t>(random.next() >> 56); }

// One change of the kinds that libFuzzer makes.
void change(Bytes& bytes, const std::vector<Bytes>& corpus, stress::Sequence& random) {
  const size_t place = random.below(bytes.size() + 1);
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place);
  const size_t kind = random.below(5);
  if (kind == 0 || place == bytes.size()) {
    bytes.insert(at, any_byte(random));
  } else if (kind == 1) {
    *at = any_byte(random);
  } else if (kind == 2) {
    *at = static_cast<uint8_t>(*at ^ 1u << random.below(8));
  } else if (kind == 3) {
    const size_t count = std::min<size_t>(1 + random.below(8), bytes.size() - place);
    bytes.erase(at, at + static_cast<std::ptrdiff_t>(count));
  } else {
    // The beginning of one case and the end of another.
    const Bytes& other = corpus[random.below(corpus.size())];
    const size_t from = std::min(place, other.size());
    bytes.resize(from);
    bytes.insert(bytes.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
  }
  if (bytes.size() > kMaxLength) bytes.resize(kMaxLength);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "Expected a number of executions and a seed\n");
    return 2;
  }
  const size_t executions = std::strtoull(argv[1], nullptr, 10);
  stress::Sequence random(std::strtoull(argv[2], nullptr, 10));

  std::vector<Bytes> corpus;
  for (size_t i = 0; i < kRandomCases; i++)
    corpus.push_back(fuzz::random_case(random.next()).bytes);
  for (const Bytes& each : corpus) {
    if (!passes(each)) return 1;
  }
  for (size_t i = 0; i < executions; i++) {
    Bytes bytes = corpus[random.below(corpus.size())];
    for (size_t changes = 1 + random.below(5); changes > 0; changes--) {
      change(bytes, corpus, random);
    }
    if (!passes(bytes)) return 1;
  }
  std::printf("%zu inputs and %zu changed ones: within the numerics contract, with the same bits\n",
              corpus.size(), executions);
  return 0;
}
