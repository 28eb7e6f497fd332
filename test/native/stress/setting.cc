#include "stress/setting.h"

#include <algorithm>

namespace stress {

using batchnorm::ImageShape;

Outcome Setting::outcome(const char* operation, std::initializer_list<size_t> sizes) const {
  std::string what = std::string(operation) + ", " + kernels.isa;
  for (const size_t& size : sizes) {
    what += (&size == sizes.begin() ? ", " : " x ") + std::to_string(size);
  }
  return {what, "", 0};
}

size_t choose_plane(Choices& choices) {
  constexpr size_t kEdges[] = {1,   2,   3,   4,    7,    8,     9,     15,    16,   17,  31,
                               32,  33,  49,  63,   64,   65,    127,   128,   129,  196, 255,
                               256, 257, 784, 3136, 4096, 16383, 16384, 16385, 40000};
  constexpr size_t kCount = sizeof kEdges / sizeof *kEdges;
  const size_t edge = choices.below(2 * kCount);
  return edge < kCount ? kEdges[edge] : choices.below(300);
}

size_t choose_elements(const Setting& setting) {
  Choices& choices = setting.choices;
  return std::min(setting.max_elements,
                  choices.flip() ? choices.below(65536) : choose_plane(choices));
}

ImageShape choose_shape(const Setting& setting) {
  Choices& choices = setting.choices;
  ImageShape shape;
  shape.plane = choose_plane(choices);
  shape.channels = choices.flip() ? choices.below(5) : choices.below(140);
  shape.images = choices.flip() ? choices.below(5) : choices.below(70);
  while (shape.elements() > setting.max_elements) {
    size_t& largest = std::max(shape.plane, std::max(shape.channels, shape.images)) == shape.plane
                          ? shape.plane
                      : shape.channels > shape.images ? shape.channels
                                                      : shape.images;
    largest = (largest + 1) / 2;
  }
  return shape;
}

double choose_epsilon(Choices& choices) {
  constexpr double kEpsilons[] = {1e-5, 1e-3, 1e-12, 1, 1e-8};
  return kEpsilons[choices.below(5)];
}

std::string guards(std::initializer_list<const Buffer*> buffers) {
  size_t index = 0;
  for (const Buffer* each : buffers) {
    if (!each->guards_intact()) return "wrote before the start of buffer " + std::to_string(index);
    index++;
  }
  return "";
}

}  // namespace stress
