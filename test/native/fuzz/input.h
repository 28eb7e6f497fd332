// Cases of the stress program as the bytes of a fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fuzz {

// Runs the case that the bytes determine on one thread and then on a machine chosen by the first
// four bytes. Returns what is wrong with the results; empty if nothing is.
std::string run_input(const uint8_t* data, size_t size);

// A random case: its bytes, with which run_input repeats it, and what is wrong with its result.
struct RandomCase {
  std::vector<uint8_t> bytes;
  std::string failure;
};
RandomCase random_case(uint64_t seed);

}  // namespace fuzz
