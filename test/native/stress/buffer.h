// A float array that ends where its allocation ends, so that AddressSanitizer and valgrind detect
// any read beyond it. Before the array are guard values, which AddressSanitizer sees as poisoned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace stress {

class Buffer {
 public:
  // Begins `misalignment` floats after a cache line. The floats are uninitialized.
  Buffer(size_t size, size_t misalignment) : size_(size), front_(16 + misalignment % 16) {
    const size_t bytes = (front_ + size) * sizeof(float);
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, bytes) != 0) {
      std::fprintf(stderr, "Cannot allocate a buffer of %zu bytes\n", bytes);
      std::abort();
    }
    memory_ = static_cast<float*>(memory);
    for (size_t i = 0; i < front_; i++) memory_[i] = kGuard;
    ASAN_POISON_MEMORY_REGION(memory_, front_ * sizeof(float));
  }
  ~Buffer() {
    ASAN_UNPOISON_MEMORY_REGION(memory_, front_ * sizeof(float));
    std::free(memory_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  float* data() { return memory_ + front_; }
  const float* data() const { return memory_ + front_; }
  size_t size() const { return size_; }
  float& operator[](size_t i) { return data()[i]; }
  float operator[](size_t i) const { return data()[i]; }

  void fill(float value) {
    for (size_t i = 0; i < size_; i++) data()[i] = value;
  }
  void copy_from(const Buffer& other) {
    if (size_ > 0) std::memcpy(data(), other.data(), size_ * sizeof(float));
  }

  bool guards_intact() const {
    ASAN_UNPOISON_MEMORY_REGION(memory_, front_ * sizeof(float));
    bool intact = true;
    for (size_t i = 0; i < front_; i++) intact = intact && memory_[i] == kGuard;
    ASAN_POISON_MEMORY_REGION(memory_, front_ * sizeof(float));
    return intact;
  }

 private:
  static constexpr float kGuard = -12345.678f;
  size_t size_;
  size_t front_;
  float* memory_;
};

}  // namespace stress
