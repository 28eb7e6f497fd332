// Shared by the native tests: buffers with guard values around them, reproducible random numbers,
// and a loop over the ISAs of this machine.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "dispatch.h"
#include "kernels.h"

namespace support {

// Uniform numbers in [-1, 1), the same on every platform: a 64-bit linear congruential generator
// with Knuth's constants.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  float next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<int32_t>(state_ >> 32)) / 2147483648.0f;
  }

 private:
  uint64_t state_;
};

// `size` floats that begin `misalignment` floats after a 64-byte boundary, between guard values
// that reveal a kernel that writes out of bounds.
class Guarded {
 public:
  explicit Guarded(size_t size, size_t misalignment = 0)
      : memory_(size + misalignment + 3 * kGuard, kGuardValue), size_(size) {
    const uintptr_t address = reinterpret_cast<uintptr_t>(memory_.data() + kGuard);
    const size_t to_boundary = (64 - address % 64) % 64 / sizeof(float);
    begin_ = memory_.data() + kGuard + to_boundary + misalignment;
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  float* data() { return begin_; }
  const float* data() const { return begin_; }
  size_t size() const { return size_; }
  float& operator[](size_t i) { return begin_[i]; }
  float operator[](size_t i) const { return begin_[i]; }

  void fill(Random& random, float scale = 1, float offset = 0) {
    for (size_t i = 0; i < size_; i++) begin_[i] = random.next() * scale + offset;
  }

  bool guards_intact() const {
    const float* end = memory_.data() + memory_.size();
    for (const float* p = memory_.data(); p < begin_; p++) {
      if (*p != kGuardValue) return false;
    }
    for (const float* p = begin_ + size_; p < end; p++) {
      if (*p != kGuardValue) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kGuard = 32;
  static constexpr float kGuardValue = -12345.678f;
  std::vector<float> memory_;
  size_t size_;
  float* begin_;
};

// Every ISA that this processor can run.
inline std::vector<const batchnorm::Kernels*> all_kernels() {
  std::vector<const batchnorm::Kernels*> found;
  for (const char* isa : {"scalar", "avx2", "avx512", "neon"}) {
    if (const batchnorm::Kernels* kernels = batchnorm::find_kernels(isa)) found.push_back(kernels);
  }
  return found;
}

// Lengths around one vector, around four accumulators, and around the length after which sums are
// moved to doubles.
inline std::vector<size_t> edge_sizes(size_t lanes) {
  return {0,
          1,
          lanes - 1,
          lanes,
          lanes + 1,
          2 * lanes - 1,
          2 * lanes,
          3 * lanes,
          4 * lanes - 1,
          4 * lanes,
          4 * lanes + 1,
          8 * lanes + 3,
          128 * lanes,
          128 * lanes + 1,
          300 * lanes + lanes - 1};
}

inline bool near(double actual, double expected, double tolerance) {
  return std::fabs(actual - expected) <= tolerance;
}

}  // namespace support

// Runs the statement after it for every ISA of this machine, as `kernels`.
#define FOR_EACH_ISA(kernels)                                                \
  for (const batchnorm::Kernels* kernels##_pointer : support::all_kernels()) \
    if (const batchnorm::Kernels& kernels = *kernels##_pointer; true)
