// Writing results past the caches. A plain store first reads the line that it will overwrite; where
// the tensors are larger than the cache, that is a third of all traffic. A non-temporal store does
// not, but only whole lines are fast, and a line written in both ways is very slow. Rows of 7x7
// planes begin anywhere within a line, so a run of neighbouring rows is computed into a buffer that
// stays in the first-level cache and copied from there, line by line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "system/cache_size.h"

namespace batchnorm {

// Whether the result of an operation that touches so many bytes is better not left in the cache:
// the next operation would find little of it there.
inline bool worth_streaming(const Kernels& kernels, size_t bytes) {
  return kernels.has_streaming_stores && bytes > cache_sizes().last / 2;
}

// Floats in a run: with what is read beside it, well within a first-level cache of 32 KiB.
constexpr size_t kRun = 1024;

// Asks for n floats that are read soon.
inline void prefetch_run(const float* p, size_t n) {
#if defined(__GNUC__)
  for (size_t i = 0; i < n; i += 16) __builtin_prefetch(p + i, 0, 2);
#else
  (void)p;
  (void)n;
#endif
}

// compute(offset, channel, run, buffer) is called for contiguous runs of the block, where `offset`
// counts floats from the block's start and `channel` channels from its first; what it puts into the
// buffer goes to target + offset.
template <class Compute>
void stream_block(const Kernels& kernels, float* target, const Block& block,
                  const Compute& compute) {
  alignas(64) float memory[kRun + 16];
  const bool whole_planes = block.length == block.channel_stride;
  const size_t together = whole_planes ? std::max<size_t>(1, kRun / block.length) : 1;
  for (size_t image = 0; image < block.images; image++) {
    for (size_t channel = 0; channel < block.channels; channel += together) {
      const size_t channels = std::min(together, block.channels - channel);
      const size_t begin = image * block.image_stride + channel * block.channel_stride;
      for (size_t start = 0; start < block.length; start += kRun) {
        const size_t length = std::min(kRun, block.length - start);
        // Where in a line the target begins, the buffer does, so that both are read and written by
        // whole lines.
        float* to = target + begin + start;
        float* buffer = memory + reinterpret_cast<uintptr_t>(to) / sizeof(float) % 16;
        compute(begin + start, channel,
                Block{1, channels, length, 0, block.channel_stride, block.next}, buffer);
        kernels.stream(buffer, to, channels * length);
      }
    }
  }
}

}  // namespace batchnorm
