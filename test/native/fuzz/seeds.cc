// Writes the initial corpus for fuzzing: the bytes of random cases of the stress program, one file
// per case.
//
//   fuzz_seeds FOLDER COUNT
#include <cstdio>
#include <cstdlib>
#include <string>

#include "stress/cases.h"
#include "stress/machine.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "Expected a folder and a number of files\n");
    return 2;
  }
  const size_t count = std::strtoull(argv[2], nullptr, 10);
  for (size_t seed = 0; seed < count; seed++) {
    // Size, machine and case, in the order in which target.cc reads them.
    stress::Choices choices(seed);
    const size_t max_elements = stress::choose_fuzzed_elements(choices);
    stress::set_machine(choices);
    const stress::Outcome outcome = stress::run_case(choices, max_elements, nullptr);
    if (!outcome.failure.empty()) {
      std::fprintf(stderr, "%s: %s\n", outcome.what.c_str(), outcome.failure.c_str());
      return 1;
    }
    const std::string path = std::string(argv[1]) + "/seed-" + std::to_string(seed);
    std::FILE* file = std::fopen(path.c_str(), "wb");
    const std::vector<uint8_t>& bytes = choices.taken();
    if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() ||
        std::fclose(file) != 0) {
      std::fprintf(stderr, "Cannot write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}
