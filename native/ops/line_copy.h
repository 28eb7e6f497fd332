// Copies lines of an image with their padding, for any stride. Lines are short, so these copies
// avoid the call of memcpy and write whole steps. The excess is overwritten by the next line or
// falls into the slack after the last one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "inlining.h"
#include "ops/pack.h"

namespace batchnorm {

constexpr size_t kCopyStep = 4;
// Floats that filling a phase may write after its last line: less than a vector of any ISA.
constexpr size_t kLineSlack = 16;
// Floats that copies may write after the last line.
constexpr size_t kCopySlack = 64;

// Writes zeros up to `end`, in whole steps.
inline void clear_steps(float* to, const float* end) {
  for (; to < end; to += kCopyStep) std::memset(to, 0, kCopyStep * sizeof(float));
}

inline void copy_floats(const float* from, size_t count, float* to) {
  size_t i = 0;
  for (; i + 4 * kCopyStep <= count; i += 4 * kCopyStep) {
    std::memcpy(to + i, from + i, kCopyStep * sizeof(float));
    std::memcpy(to + i + kCopyStep, from + i + kCopyStep, kCopyStep * sizeof(float));
    std::memcpy(to + i + 2 * kCopyStep, from + i + 2 * kCopyStep, kCopyStep * sizeof(float));
    std::memcpy(to + i + 3 * kCopyStep, from + i + 3 * kCopyStep, kCopyStep * sizeof(float));
  }
  for (; i + kCopyStep <= count; i += kCopyStep) {
    std::memcpy(to + i, from + i, kCopyStep * sizeof(float));
  }
  if (i == count) return;
  if (count >= kCopyStep) {
    // The last step overlaps the one before it.
    std::memcpy(to + count - kCopyStep, from + count - kCopyStep, kCopyStep * sizeof(float));
    return;
  }
  for (; i < count; i++) to[i] = from[i];
}

// The elements from[first + j * stride], j < count, of a line that is surrounded by zeros.
struct PaddedLine {
  PaddedLine(size_t size, ptrdiff_t first, size_t stride, size_t elements) : count(elements) {
    const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
    const ptrdiff_t limit = static_cast<ptrdiff_t>(size);
    const auto reaches = [&](ptrdiff_t place) {
      const ptrdiff_t steps = place <= first ? 0 : (place - first + step - 1) / step;
      return std::min(count, static_cast<size_t>(steps));
    };
    begin = reaches(0);
    end = reaches(limit);
    source = first + static_cast<ptrdiff_t>(begin) * step;
  }
  size_t count;
  size_t begin, end;  // the range of j inside the line; the first element is from[source]
  ptrdiff_t source;
};

// even[j] = from[2 * j], odd[j] = from[2 * j + 1] for four j.
inline void copy_4_pairs(const float* from, float* even, float* odd) {
#if BATCHNORM_HAS_SHUFFLES
  typedef float Four __attribute__((vector_size(16)));
  Four low, high;
  std::memcpy(&low, from, sizeof low);
  std::memcpy(&high, from + 4, sizeof high);
  const Four evens = __builtin_shufflevector(low, high, 0, 2, 4, 6);
  const Four odds = __builtin_shufflevector(low, high, 1, 3, 5, 7);
  std::memcpy(even, &evens, sizeof evens);
  std::memcpy(odd, &odds, sizeof odds);
#else
  for (size_t j = 0; j < 4; j++) {
    even[j] = from[2 * j];
    odd[j] = from[2 * j + 1];
  }
#endif
}

// to[j] = from[2 * j]. Reads only the first element of the last pair.
inline void copy_every_second(const float* from, size_t count, float* to) {
  size_t j = 0;
  float unused[4];
  for (; j + 4 < count; j += 4) copy_4_pairs(from + 2 * j, to + j, unused);
  for (; j < count; j++) to[j] = from[2 * j];
}

inline void copy_line(const float* from, const PaddedLine& line, size_t stride, float* to) {
  clear_steps(to, to + line.begin);
  if (line.begin < line.end) {
    const float* source = from + line.source;
    const size_t inside = line.end - line.begin;
    if (stride == 1) {
      copy_floats(source, inside, to + line.begin);
    } else if (stride == 2) {
      copy_every_second(source, inside, to + line.begin);
    } else {
      for (size_t j = 0; j < inside; j++) to[line.begin + j] = source[j * stride];
    }
  }
  clear_steps(to + line.end, to + line.count);
}

// Copies both phases of stride 2 in one pass. The line of the odd phase begins one element after
// that of the even phase.
BATCHNORM_INLINE void copy_two_lines(const float* from, const PaddedLine& even,
                                     const PaddedLine& odd, float* even_to, float* odd_to) {
  // The range in which both phases are inside the image: all but at most one element at each end.
  const size_t begin = std::max(even.begin, odd.begin);
  const size_t end = std::min(even.end, odd.end);
  if (begin + 4 > end) {
    copy_line(from, even, 2, even_to);
    copy_line(from, odd, 2, odd_to);
    return;
  }
  clear_steps(even_to, even_to + begin);
  clear_steps(odd_to, odd_to + begin);
  if (even.begin < begin) even_to[even.begin] = from[even.source];
  if (odd.begin < begin) odd_to[odd.begin] = from[odd.source];
  const float* pairs = from + even.source + 2 * static_cast<ptrdiff_t>(begin - even.begin);
  size_t j = begin;
  for (; j + 4 <= end; j += 4) copy_4_pairs(pairs + 2 * (j - begin), even_to + j, odd_to + j);
  if (j < end) {
    // The last four overlap those before them.
    j = end - 4;
    copy_4_pairs(pairs + 2 * (j - begin), even_to + j, odd_to + j);
  }
  clear_steps(even_to + end, even_to + even.count);
  clear_steps(odd_to + end, odd_to + odd.count);
  if (even.end > end) even_to[end] = pairs[2 * (end - begin)];
  if (odd.end > end) odd_to[end] = pairs[2 * (end - begin) + 1];
}

}  // namespace batchnorm
