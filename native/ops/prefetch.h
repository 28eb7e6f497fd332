// Prefetches the input of the next task while the current one computes, so that it comes from the
// second-level cache instead of stalling the task that needs it.
#pragma once

#include <algorithm>
#include <cstddef>

namespace batchnorm {

class Prefetch {
 public:
  // Prefetches nothing.
  Prefetch() = default;
  // Prefetches `runs` runs of `length` floats, `stride` floats apart, spread over `calls` calls of
  // advance().
  Prefetch(const float* first, size_t runs, size_t length, size_t stride, size_t calls)
      : at_(first), runs_(runs), length_(length), stride_(stride) {
    const size_t lines = runs * ((length + kLine - 1) / kLine);
    lines_per_call_ = (lines + calls - 1) / std::max<size_t>(1, calls);
  }

  void advance() {
    for (size_t i = 0; i < lines_per_call_ && runs_ > 0; i++) {
#if defined(__GNUC__)
      __builtin_prefetch(at_ + done_, 0, 2);
#endif
      done_ += kLine;
      if (done_ < length_) continue;
      done_ = 0;
      at_ += stride_;
      runs_--;
    }
  }

 private:
  static constexpr size_t kLine = 16;

  const float* at_ = nullptr;
  size_t runs_ = 0, length_ = 0, stride_ = 0;
  size_t lines_per_call_ = 0;
  size_t done_ = 0;  // floats already prefetched in the run at at_
};

}  // namespace batchnorm
