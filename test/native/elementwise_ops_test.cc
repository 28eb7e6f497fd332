// Element-wise operations whose results bypass the caches, and gradients of one value for a whole
// array: bit-identical to one kernel call over everything.
#include "ops/elementwise.h"

#include <functional>

#include "ops/streamed_pieces.h"
#include "support.h"
#include "system/cache_size.h"

using batchnorm::Kernels;
using support::Guarded;
using support::Random;

namespace {

// A last-level cache so small that every operation streams.
class SmallCaches {
 public:
  SmallCaches() : here_(batchnorm::cache_sizes()) {
    batchnorm::set_cache_sizes({here_.l1, here_.l2, 0});
  }
  ~SmallCaches() { batchnorm::set_cache_sizes(here_); }
  SmallCaches(const SmallCaches&) = delete;
  SmallCaches& operator=(const SmallCaches&) = delete;

 private:
  batchnorm::CacheSizes here_;
};

// Around the tile, the piece of a thread and several pieces.
const size_t kSizes[] = {0, 1, 15, 1023, 1024, 1025, 5000, 32 * 1024 + 3, 100 * 1000};

bool same(const Guarded& actual, const Guarded& expected) {
  return actual.size() == 0 ||
         std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(float)) == 0;
}

struct Operands {
  Operands(size_t n, size_t misalignment)
      : a(n, 3), b(n, 5), out(n, misalignment), expected(n, misalignment) {
    Random random(n + misalignment);
    a.fill(random, 2.0f);
    b.fill(random, 1.0f, 2.5f);
  }
  Guarded a, b, out, expected;
};

// Compares an operation that streams with a kernel called once. In place, nothing streams.
void check(const std::function<void(const Kernels&, Operands&, float* out)>& operation,
           const std::function<void(const Kernels&, Operands&)>& reference) {
  const SmallCaches small;
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t n : kSizes) {
      for (size_t misalignment : {0, 1, 8, 15}) {
        CAPTURE(n);
        CAPTURE(misalignment);
        Operands operands(n, misalignment);
        reference(kernels, operands);
        operation(kernels, operands, operands.out.data());
        CHECK(operands.out.guards_intact());
        CHECK(same(operands.out, operands.expected));
        operation(kernels, operands, operands.a.data());
        CHECK(operands.a.guards_intact());
        CHECK(same(operands.a, operands.expected));
      }
    }
  }
}

}  // namespace

TEST_CASE("stream: copies any length to any alignment") {
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t n = 0; n < 70; n++) {
      for (size_t misalignment = 0; misalignment < 16; misalignment++) {
        CAPTURE(n);
        CAPTURE(misalignment);
        Random random(n);
        Guarded x(n, 1), y(n, misalignment);
        x.fill(random);
        kernels.stream(x.data(), y.data(), n);
        kernels.stream_fence();
        CHECK(y.guards_intact());
        CHECK(same(y, x));
      }
    }
  }
}

TEST_CASE("element-wise operations beyond the caches: bit-identical to one kernel call") {
  check(
      [](const Kernels& kernels, Operands& of, float* out) {
        batchnorm::apply_unary(kernels, kernels.square, of.a.data(), out, of.a.size());
      },
      [](const Kernels& kernels, Operands& of) {
        kernels.square(of.a.data(), of.expected.data(), of.a.size());
      });
  check(
      [](const Kernels& kernels, Operands& of, float* out) {
        batchnorm::apply_binary(kernels, kernels.div.tensor, of.a.data(), of.b.data(), out,
                                of.a.size());
      },
      [](const Kernels& kernels, Operands& of) {
        kernels.div.tensor(of.a.data(), of.b.data(), of.expected.data(), of.a.size());
      });
  check(
      [](const Kernels& kernels, Operands& of, float* out) {
        const float b = 0.3f;
        batchnorm::apply_arithmetic(kernels, kernels.mul, batchnorm::Operand::kScalar, of.a.data(),
                                    &b, out, 1, of.a.size());
      },
      [](const Kernels& kernels, Operands& of) {
        kernels.mul.scalar(of.a.data(), 0.3f, of.expected.data(), of.a.size());
      });
  check([](const Kernels& kernels, Operands& of,
           float* out) { batchnorm::leaky_relu(kernels, of.a.data(), 0.2f, out, of.a.size()); },
        [](const Kernels& kernels, Operands& of) {
          kernels.leaky_relu(of.a.data(), 0.2f, of.expected.data(), of.a.size());
        });
  batchnorm::Dropout params = {};
  params.key0 = 3;
  params.p = 0.5f;
  params.scale = 2;
  check([=](const Kernels& kernels, Operands& of,
            float* out) { batchnorm::dropout(kernels, of.a.data(), out, of.a.size(), params); },
        [=](const Kernels& kernels, Operands& of) {
          kernels.dropout(of.a.data(), of.expected.data(), of.a.size(), params);
        });
}

TEST_CASE("arithmetic with a row beyond the caches: pieces begin and end anywhere in a row") {
  const SmallCaches small;
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t columns : {1, 7, 1000, 1024, 50000}) {
      CAPTURE(columns);
      const size_t rows = 100 * 1000 / columns;
      Random random(columns);
      Guarded a(rows * columns, 2), b(columns, 1), out(rows * columns, 3);
      a.fill(random);
      b.fill(random);
      batchnorm::apply_arithmetic(kernels, kernels.sub, batchnorm::Operand::kRow, a.data(),
                                  b.data(), out.data(), rows, columns);
      CHECK(out.guards_intact());
      bool right = true;
      for (size_t i = 0; i < rows * columns; i++) right = right && out[i] == a[i] - b[i % columns];
      CHECK(right);
    }
  }
}

TEST_CASE(
    "gradients of one value: bit-identical to an array of equal values, in and beyond the caches") {
  const batchnorm::CacheSizes here = batchnorm::cache_sizes();
  for (const size_t last : {here.last, size_t{0}}) {
    batchnorm::set_cache_sizes({here.l1, here.l2, last});
    FOR_EACH_ISA(kernels) {
      CAPTURE(std::string(kernels.isa));
      for (size_t n : kSizes) {
        CAPTURE(n);
        const float dy = -0.37f;
        Operands operands(n, 1);
        for (size_t i = 0; i < n; i++) operands.b[i] = dy;
        Guarded &x = operands.a, &whole = operands.b, &dx = operands.out;
        Guarded& expected = operands.expected;
        for (auto kernel : {kernels.square_backward, kernels.sqrt_backward, kernels.exp_backward,
                            kernels.log_backward, kernels.gelu_backward, kernels.relu_backward}) {
          kernel(x.data(), whole.data(), expected.data(), n);
          batchnorm::apply_to_constant(kernels, kernel, x.data(), &dy, dx.data(), n);
          CHECK(dx.guards_intact());
          // NaNs of the square root have the same bits, too.
          CHECK(same(dx, expected));
        }
        kernels.leaky_relu_backward(x.data(), whole.data(), 0.1f, expected.data(), n);
        batchnorm::leaky_relu_backward(kernels, x.data(), &dy, 1, 0.1f, dx.data(), n);
        CHECK(same(dx, expected));
        batchnorm::apply_to_constant(kernels, kernels.silu_backward, x.data(), &dy, dx.data(), n);
        batchnorm::apply_to_constant(kernels, kernels.silu_backward, x.data(), &dy, x.data(), n);
        CHECK(same(x, dx));
      }
    }
  }
  batchnorm::set_cache_sizes(here);
}

TEST_CASE("fill: every value and nothing else, in the caches and beyond") {
  const batchnorm::CacheSizes here = batchnorm::cache_sizes();
  for (const size_t last : {here.last, size_t{0}}) {
    batchnorm::set_cache_sizes({here.l1, here.l2, last});
    FOR_EACH_ISA(kernels) {
      for (size_t n : kSizes) {
        Guarded y(n, 7);
        batchnorm::fill(kernels, 1.5f, y.data(), n);
        CHECK(y.guards_intact());
        bool right = true;
        for (size_t i = 0; i < n; i++) right = right && y[i] == 1.5f;
        CHECK(right);
      }
    }
  }
  batchnorm::set_cache_sizes(here);
}
