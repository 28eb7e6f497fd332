// Cases of the stress program as the bytes of a fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fuzz {

// Runs the case that the bytes determine on one thread and then on a machine chosen by the first
// four bytes. Returns a description of the wrong result, or an empty string.
std::string run_input(const uint8_t* data, size_t size);

// A random case: the bytes from which run_input repeats it, and the description of a wrong result.
struct RandomCase {
  std::vector<uint8_t> bytes;
  std::string failure;
};
RandomCase random_case(uint64_t seed);

}  // namespace fuzz
