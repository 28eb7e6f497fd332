// Working memory of one operation. Up to 2 KiB come from the stack, so operations on small tensors
// do not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "system/test_hooks.h"

namespace batchnorm {

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::free(heap_); }

  // Memory for `count` objects of a trivial type, aligned to a cache line; null if the allocation
  // fails. Call once per Scratch.
  template <class T>
  T* get(size_t count) {
    static_assert(alignof(T) <= kAlignment, "a trivial type of ordinary alignment");
    if (count > (SIZE_MAX - kAlignment) / sizeof(T)) return nullptr;
    const size_t bytes = count * sizeof(T);
    if (bytes <= sizeof inline_) return reinterpret_cast<T*>(inline_);
    heap_ = fails_here() ? nullptr : std::malloc(bytes + kAlignment);
    if (heap_ == nullptr) return nullptr;
    const uintptr_t address = reinterpret_cast<uintptr_t>(heap_);
    return reinterpret_cast<T*>((address + kAlignment - 1) / kAlignment * kAlignment);
  }

 private:
  static constexpr size_t kAlignment = 64;
  alignas(kAlignment) unsigned char inline_[2048];
  void* heap_ = nullptr;
};

}  // namespace batchnorm
