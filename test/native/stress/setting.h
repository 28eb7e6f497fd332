// Shared by the cases of all operations: random choices of shapes and options, buffers, and
// digests of results.
#pragma once

#include <cmath>
#include <cstring>
#include <initializer_list>
#include <string>

#include "kernels.h"
#include "ops/channel_chunks.h"
#include "stress/buffer.h"
#include "stress/cases.h"
#include "stress/choices.h"

namespace stress {

struct Setting {
  Choices& choices;
  const batchnorm::Kernels& kernels;
  size_t max_elements;

  // An uninitialized buffer with random alignment.
  Buffer buffer(size_t size) const { return Buffer(size, choices.below(16)); }

  // The outcome of an operation on tensors of these sizes, without a failure so far.
  Outcome outcome(const char* operation, std::initializer_list<size_t> sizes) const;
};

// The number of elements of a plane: often around the size of a vector, cache line or chunk.
size_t choose_plane(Choices& choices);

// The number of elements of a tensor for element-wise operations.
size_t choose_elements(const Setting& setting);

// An NCHW shape with at most max_elements elements.
batchnorm::ImageShape choose_shape(const Setting& setting);

// Batch normalization's epsilon.
double choose_epsilon(Choices& choices);

// Reports the first buffer whose guard values were overwritten; empty if there is none.
std::string guards(std::initializer_list<const Buffer*> buffers);

// FNV-1a hash of the bits of results; all NaNs count as equal.
class Digest {
 public:
  void add(const Buffer& values) {
    for (size_t i = 0; i < values.size(); i++) {
      uint32_t bits = 0x7fc00000;
      if (!std::isnan(values[i])) std::memcpy(&bits, &values.data()[i], sizeof bits);
      value_ = (value_ ^ bits) * 0x100000001b3u;
    }
  }
  void add(double number) {
    uint64_t bits = 0;
    if (!std::isnan(number)) std::memcpy(&bits, &number, sizeof bits);
    value_ = (value_ ^ bits) * 0x100000001b3u;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

inline uint64_t digest(std::initializer_list<const Buffer*> results) {
  Digest all;
  for (const Buffer* each : results) all.add(*each);
  return all.value();
}

}  // namespace stress
