#include "stress/values.h"

#include <cfloat>
#include <cmath>
#include <limits>

namespace stress {

namespace {

using batchnorm::ImageShape;

constexpr size_t kPatterns = 10;

float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// 10^exponent with a uniform exponent in [low, high].
double power(Sequence& sequence, double low, double high) {
  return std::pow(10.0, low + (high - low) * (sequence.symmetric() + 1) / 2);
}

// A pattern for the `n` elements of a channel.
struct Pattern {
  Pattern(size_t which, size_t n, Sequence& sequence) : kind(which), count(n) {
    center = sequence.below(3) == 0 ? 0 : sequence.symmetric() * power(sequence, -3, 6);
    width = sequence.below(2) == 0 ? 1 : power(sequence, -6, 3);
    special = n == 0 ? 0 : sequence.below(n);
    outlier = sequence.symmetric() * power(sequence, 3, 18);
  }

  float at(size_t i, Sequence& sequence) const {
    const double random = sequence.symmetric();
    switch (kind) {
      case 0:
        return static_cast<float>(center + width * random);
      case 1:
        return static_cast<float>(center);
      case 2:
        return static_cast<float>(i == special ? outlier : width * random);
      case 3:
        return static_cast<float>((i % 2 == 0 ? width : -width) + center);
      case 4:
        return static_cast<float>(center +
                                  width * static_cast<double>(i) / static_cast<double>(count) +
                                  1e-3 * width * random);
      case 5:
        return from_bits(static_cast<uint32_t>(sequence.next() >> 32));
      case 6:
        return from_bits(static_cast<uint32_t>(sequence.next() >> 41) |
                         (random < 0 ? 0x80000000u : 0));
      case 7:
        return static_cast<float>(random * FLT_MAX);
      case 8:
        return random < 0 ? -0.0f : 0.0f;
      default:
        return i % 64 == special % 64 ? 1.0f : 0.0f;
    }
  }

  size_t kind;
  size_t count;
  double center, width, outlier;
  size_t special;
};

// Replaces a few elements by special values, or by bit patterns that a fuzzer chooses.
void poke(Buffer& values, Choices& choices) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float specials[] = {std::numeric_limits<float>::quiet_NaN(),
                            kInfinity,
                            -kInfinity,
                            0.0f,
                            -0.0f,
                            FLT_MAX,
                            -FLT_MAX,
                            FLT_MIN,
                            FLT_TRUE_MIN,
                            1e38f,
                            1e-38f,
                            1e18f};
  const size_t kinds = sizeof specials / sizeof *specials;
  // Mostly none, since NaN would hide other errors.
  const size_t pokes = choices.one_in(4) ? 1 + choices.below(3) : 0;
  for (size_t i = 0; i < pokes; i++) {
    const size_t index = choices.below(65536);
    const size_t kind = choices.below(2 * kinds);
    const float value = kind < kinds ? specials[kind] : from_bits(choices.word());
    if (values.size() > 0) values[index % values.size()] = value;
  }
}

}  // namespace

void fill(Buffer& values, const ImageShape& shape, Choices& choices) {
  // Ordinary values in half of the cases; else one pattern for all channels, or one for each.
  const size_t mode = choices.below(4 * kPatterns);
  Sequence sequence(choices.word());
  for (size_t channel = 0; channel < shape.channels; channel++) {
    const size_t kind = mode < kPatterns       ? mode
                        : mode < 2 * kPatterns ? sequence.below(kPatterns)
                                               : 0;
    const Pattern pattern(kind, shape.images * shape.plane, sequence);
    for (size_t image = 0; image < shape.images; image++) {
      float* plane = values.data() + (image * shape.channels + channel) * shape.plane;
      for (size_t i = 0; i < shape.plane; i++) {
        plane[i] = pattern.at(image * shape.plane + i, sequence);
      }
    }
  }
  poke(values, choices);
}

void fill(Buffer& values, Choices& choices) { fill(values, {1, 1, values.size()}, choices); }

void fill_parameters(Buffer& values, Choices& choices) {
  Sequence sequence(choices.word());
  const double width = choices.one_in(8) ? power(sequence, -6, 6) : 1;
  for (size_t i = 0; i < values.size(); i++) {
    values[i] = static_cast<float>(width * sequence.symmetric());
  }
  if (choices.one_in(8)) poke(values, choices);
}

}  // namespace stress
