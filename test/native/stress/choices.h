// The source of all random decisions of a case: a pseudo-random sequence or the bytes of a fuzzer.
// Both yield bytes, so a case that fails with one can be repeated with the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stress {

// Pseudo-random numbers that are the same on every platform (splitmix64: Steele, Lea, Flood, Fast
// splittable pseudorandom number generators, 2014). Also generates the elements of tensors, which
// would take too many bytes of a fuzzer.
class Sequence {
 public:
  explicit Sequence(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  // Uniform in [-1, 1).
  double symmetric() { return static_cast<double>(static_cast<int64_t>(next())) / 0x1p63; }

 private:
  uint64_t state_;
};

class Choices {
 public:
  explicit Choices(uint64_t seed) : data_(nullptr), size_(0), sequence_(seed) {}
  // After the last byte, all bytes are zero.
  Choices(const uint8_t* data, size_t size) : data_(data), size_(size), sequence_(0) {}

  uint8_t byte() {
    const uint8_t value = data_ == nullptr        ? static_cast<uint8_t>(sequence_.next() >> 56)
                          : taken_.size() < size_ ? data_[taken_.size()]
                                                  : uint8_t{0};
    taken_.push_back(value);
    return value;
  }
  size_t below(size_t n) {
    size_t value = byte();
    if (n > 256) value = value * 256 + byte();
    return value % n;
  }
  bool flip() { return byte() % 2 != 0; }
  // True with probability 1 / n.
  bool one_in(size_t n) { return below(n) == n - 1; }
  uint32_t word() {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value = value << 8 | byte();
    return value;
  }

  // All bytes taken so far. A fuzzer that supplies them repeats the case.
  const std::vector<uint8_t>& taken() const { return taken_; }

 private:
  const uint8_t* data_;
  size_t size_;
  Sequence sequence_;
  std::vector<uint8_t> taken_;
};

}  // namespace stress
