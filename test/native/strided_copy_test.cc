// Strided copies against a naive loop, for random sizes and orders of axes with gaps between rows.
#include "ops/strided_copy.h"

#include <numeric>
#include <utility>

#include "support.h"

using batchnorm::StridedCopy;
using support::Guarded;
using support::Random;

namespace {

constexpr size_t kAxes = StridedCopy::kAxes;

size_t below(Random& random, size_t n) {
  return static_cast<size_t>((random.next() + 1) / 2 * static_cast<float>(n)) % n;
}

// Strides of distinct places, with the axes in a random order and gaps after some of them; returns
// the length of the array.
size_t place(Random& random, const size_t* size, size_t* stride) {
  size_t order[kAxes];
  std::iota(order, order + kAxes, size_t{0});
  for (size_t i = kAxes - 1; i > 0; i--) std::swap(order[i], order[below(random, i + 1)]);
  size_t next = below(random, 4) == 0 ? 2 : 1;
  for (size_t axis : order) {
    stride[axis] = next;
    next = next * size[axis] + (below(random, 3) == 0 ? 3 : 0);
  }
  size_t length = 1;
  for (size_t axis = 0; axis < kAxes; axis++) length += (size[axis] - 1) * stride[axis];
  return length;
}

template <class Function>
void for_each_element(const StridedCopy& copy, const Function& function) {
  size_t total = 1;
  for (size_t size : copy.size) total *= size;
  for (size_t i = 0; i < total; i++) {
    size_t rest = i, x = 0, y = 0;
    for (size_t axis = kAxes; axis-- > 0;) {
      x += rest % copy.size[axis] * copy.x_stride[axis];
      y += rest % copy.size[axis] * copy.y_stride[axis];
      rest /= copy.size[axis];
    }
    function(x, y);
  }
}

}  // namespace

TEST_CASE("strided copy: equal to a naive loop, and the rest of y unchanged") {
  Random random(17);
  const size_t sizes[] = {1, 1, 2, 3, 7, 16, 17, 33};
  for (int i = 0; i < 600; i++) {
    CAPTURE(i);
    StridedCopy copy = {};
    size_t total = 1;
    for (size_t& size : copy.size) {
      size = sizes[below(random, 8)];
      if (total * size > 150000) size = 1;
      total *= size;
    }
    Guarded x(place(random, copy.size, copy.x_stride), 1);
    Guarded y(place(random, copy.size, copy.y_stride), 3);
    x.fill(random);
    y.fill(random);
    std::vector<float> expected(y.data(), y.data() + y.size());
    for_each_element(copy, [&](size_t from, size_t to) { expected[to] = x[from]; });
    batchnorm::strided_copy(x.data(), y.data(), copy);
    CHECK(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)) == 0);
    CHECK(y.guards_intact());
  }
}

TEST_CASE("strided copy: nothing for a size of 0") {
  const StridedCopy copy = {{2, 3, 0, 1, 1}, {9, 3, 1, 1, 1}, {9, 3, 1, 1, 1}};
  batchnorm::strided_copy(nullptr, nullptr, copy);
}
