// Cases of copies between arrays with strides.
#include "ops/strided_copy.h"

#include <utility>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

constexpr size_t kAxes = batchnorm::StridedCopy::kAxes;

// Strides of distinct places: the axes in any order, with gaps after some of them. Returns the
// length of the array.
size_t choose_strides(Choices& choices, const size_t* size, size_t* stride) {
  size_t order[kAxes];
  for (size_t axis = 0; axis < kAxes; axis++) order[axis] = axis;
  for (size_t i = kAxes - 1; i > 0; i--) std::swap(order[i], order[choices.below(i + 1)]);
  size_t next = 1 + choices.one_in(4);
  size_t length = 1;
  for (size_t axis : order) {
    stride[axis] = next;
    length += (size[axis] - 1) * next;
    next = next * size[axis] + choices.below(3);
  }
  return length;
}

// Lets x repeat its elements along some axes.
void repeat_along_axes(Choices& choices, size_t* x_stride) {
  for (size_t axis = 0; axis < kAxes; axis++) {
    if (choices.one_in(4)) x_stride[axis] = 0;
  }
}

// Copies one element after the other.
void copy_elements(const batchnorm::StridedCopy& copy, const Buffer& x, Buffer& y, size_t axis,
                   size_t from, size_t to) {
  if (axis == kAxes) {
    y.data()[to] = x[from];
    return;
  }
  for (size_t i = 0; i < copy.size[axis]; i++) {
    copy_elements(copy, x, y, axis + 1, from + i * copy.x_stride[axis],
                  to + i * copy.y_stride[axis]);
  }
}

}  // namespace

Outcome run_strided_copy(const Setting& setting) {
  Choices& choices = setting.choices;
  batchnorm::StridedCopy copy = {};
  size_t elements = 1;
  for (size_t& size : copy.size) {
    // Gaps make an array up to three times as long as its elements, for each axis.
    const size_t most = setting.max_elements / 64 / elements;
    size = 1 + choices.below(choices.flip() ? 4 : 70);
    if (size > most) size = 1;
    elements *= size;
  }
  const size_t x_length = choose_strides(choices, copy.size, copy.x_stride);
  const size_t y_length = choose_strides(choices, copy.size, copy.y_stride);
  if (choices.one_in(3)) repeat_along_axes(choices, copy.x_stride);
  Buffer x = setting.buffer(x_length), y = setting.buffer(y_length), expected(y_length, 0);
  fill(x, choices);
  fill(y, choices);
  expected.copy_from(y);
  copy_elements(copy, x, expected, 0, 0, 0);
  Outcome outcome = setting.outcome(
      "strided_copy", {copy.size[0], copy.size[1], copy.size[2], copy.size[3], copy.size[4]});
  batchnorm::strided_copy(x.data(), y.data(), copy);
  outcome.failure = guards({&x, &y});
  if (outcome.failure.empty()) outcome.failure = compare_bits("y", y, expected);
  outcome.digest = digest({&y});
  return outcome;
}

}  // namespace stress
