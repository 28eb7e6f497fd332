// Writes the initial corpus for fuzzing: the bytes of random cases of the stress program, one file
// per case.
//
//   fuzz_seeds FOLDER COUNT
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fuzz/input.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "Expected a folder and a number of files\n");
    return 2;
  }
  const size_t count = std::strtoull(argv[2], nullptr, 10);
  for (size_t seed = 0; seed < count; seed++) {
    const fuzz::RandomCase random = fuzz::random_case(seed);
    if (!random.failure.empty()) {
      std::fprintf(stderr, "%s\n", random.failure.c_str());
      return 1;
    }
    const std::string path = std::string(argv[1]) + "/seed-" + std::to_string(seed);
    std::FILE* file = std::fopen(path.c_str(), "wb");
    const std::vector<uint8_t>& bytes = random.bytes;
    if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() ||
        std::fclose(file) != 0) {
      std::fprintf(stderr, "Cannot write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}
