// What the cases of all operations share: their choices, buffers, shapes, and how outcomes are
// worded.
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
  size_t most_elements;

  // Uninitialized, with an alignment of its own.
  Buffer buffer(size_t size) const { return Buffer(size, choices.below(16)); }

  // Of an operation on these sizes; nothing is wrong yet.
  Outcome outcome(const char* operation, std::initializer_list<size_t> sizes) const;
};

// Around the borders of vectors, lines and chunks, or anything.
size_t choose_plane(Choices& choices);

// Of a tensor that is taken element by element.
size_t choose_elements(const Setting& setting);

batchnorm::ImageShape choose_shape(const Setting& setting);

// Of batch normalization.
double choose_epsilon(Choices& choices);

// Which of some buffers has been written in front of, or nothing.
std::string guards(std::initializer_list<const Buffer*> buffers);

// FNV-1a over the bits of results.
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
