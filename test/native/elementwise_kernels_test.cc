// Element-wise kernels of every ISA against double precision, for lengths around vectors and in
// place.
#include "support.h"

using batchnorm::Kernels;
using support::Guarded;
using support::Random;

namespace {

void check_unary(const char* name, batchnorm::UnaryKernel Kernels::*kernel,
                 double (*reference)(double), float scale, float offset, double tolerance) {
  CAPTURE(name);
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 1);
      Guarded x(n, 3);
      Guarded y(n, 1);
      x.fill(random, scale, offset);
      (kernels.*kernel)(x.data(), y.data(), n);
      CHECK(y.guards_intact());
      for (size_t i = 0; i < n; i++) {
        const double expected = reference(x[i]);
        CHECK(support::near(y[i], expected, tolerance * std::fabs(expected)));
      }
      (kernels.*kernel)(x.data(), x.data(), n);
      CHECK(x.guards_intact());
      for (size_t i = 0; i < n; i++) CHECK(x[i] == y[i]);
    }
  }
}

void check_arithmetic(const char* name, batchnorm::Arithmetic Kernels::*operation,
                      float (*reference)(float, float)) {
  CAPTURE(name);
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 2);
      Guarded a(n, 1);
      Guarded b(n, 2);
      Guarded out(n, 3);
      a.fill(random, 4.0f);
      b.fill(random, 1.0f, 2.5f);
      (kernels.*operation).tensor(a.data(), b.data(), out.data(), n);
      CHECK(out.guards_intact());
      for (size_t i = 0; i < n; i++) CHECK(out[i] == reference(a[i], b[i]));
      (kernels.*operation).scalar(a.data(), 3.25f, out.data(), n);
      CHECK(out.guards_intact());
      for (size_t i = 0; i < n; i++) CHECK(out[i] == reference(a[i], 3.25f));
      // In place of the left operand, then of the right one.
      for (size_t i = 0; i < n; i++) out[i] = a[i];
      (kernels.*operation).tensor(out.data(), b.data(), out.data(), n);
      for (size_t i = 0; i < n; i++) CHECK(out[i] == reference(a[i], b[i]));
      for (size_t i = 0; i < n; i++) out[i] = b[i];
      (kernels.*operation).tensor(a.data(), out.data(), out.data(), n);
      for (size_t i = 0; i < n; i++) CHECK(out[i] == reference(a[i], b[i]));
    }
  }
}

// Applies a unary kernel to one value.
float one(batchnorm::UnaryKernel kernel, float x) {
  float y = -77;
  kernel(&x, &y, 1);
  return y;
}

}  // namespace

TEST_CASE("add, sub, mul, div: correctly rounded") {
  check_arithmetic("add", &Kernels::add, [](float a, float b) { return a + b; });
  check_arithmetic("sub", &Kernels::sub, [](float a, float b) { return a - b; });
  check_arithmetic("mul", &Kernels::mul, [](float a, float b) { return a * b; });
  check_arithmetic("div", &Kernels::div, [](float a, float b) { return a / b; });
}

TEST_CASE("maximum, minimum and comparisons: NaN, infinities and both zeros") {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float values[] = {-kInfinity, -1, -0.0f, 0, 1, kInfinity, kNaN};
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (float a : values) {
      for (float b : values) {
        CAPTURE(a);
        CAPTURE(b);
        const auto of = [&](const batchnorm::Arithmetic& operation) {
          float tensor = -77, scalar = -78;
          operation.tensor(&a, &b, &tensor, 1);
          operation.scalar(&a, b, &scalar, 1);
          CHECK((tensor == scalar || (std::isnan(tensor) && std::isnan(scalar))));
          return tensor;
        };
        if (std::isnan(a) || std::isnan(b)) {
          CHECK(std::isnan(of(kernels.maximum)));
          CHECK(std::isnan(of(kernels.minimum)));
        } else {
          CHECK(of(kernels.maximum) == std::max(a, b));
          CHECK(of(kernels.minimum) == std::min(a, b));
        }
        CHECK(of(kernels.less) == (a < b));
        CHECK(of(kernels.less_equal) == (a <= b));
        CHECK(of(kernels.greater) == (a > b));
        CHECK(of(kernels.greater_equal) == (a >= b));
        CHECK(of(kernels.equal) == (a == b));
        CHECK(of(kernels.not_equal) == (a != b));
      }
      float out = -77;
      const float yes = 5, no = 6;
      kernels.where(&a, &yes, &no, &out, 1);
      CHECK(out == (a != 0 ? yes : no));
    }
  }
}

TEST_CASE("exp: relative error at most 2e-7 over its range") {
  for (float scale : {1.0f, 10.0f, 80.0f}) {
    check_unary(
        "exp", &Kernels::exp, [](double x) { return std::exp(x); }, scale, 0, 2e-7);
  }
}

TEST_CASE("exp: zero, overflow, underflow, NaN") {
  FOR_EACH_ISA(kernels) {
    CHECK(one(kernels.exp, 0.0f) == 1.0f);
    CHECK(one(kernels.exp, 88.7f) == doctest::Approx(std::exp(88.7)).epsilon(1e-5));
    CHECK(one(kernels.exp, 88.8f) == INFINITY);
    CHECK(one(kernels.exp, INFINITY) == INFINITY);
    CHECK(one(kernels.exp, -110.0f) == 0.0f);
    CHECK(one(kernels.exp, -INFINITY) == 0.0f);
    // A subnormal result is accurate to its last bits.
    CHECK(support::near(one(kernels.exp, -100.0f), std::exp(-100.0), 2e-45));
    CHECK(std::isnan(one(kernels.exp, NAN)));
  }
}

TEST_CASE("log: relative error at most 2e-7, also close to 1") {
  check_unary(
      "log", &Kernels::log, [](double x) { return std::log(x); }, 4.9f, 5.0f, 2e-7);
  check_unary(
      "log", &Kernels::log, [](double x) { return std::log(x); }, 1e-3f, 1.0f, 2e-7);
  check_unary(
      "log", &Kernels::log, [](double x) { return std::log(x); }, 1e30f, 2e30f, 2e-7);
}

TEST_CASE("log: one, zero, negative, subnormal, Inf, NaN") {
  FOR_EACH_ISA(kernels) {
    CHECK(one(kernels.log, 1.0f) == 0.0f);
    CHECK(one(kernels.log, 0.0f) == -INFINITY);
    CHECK(one(kernels.log, -0.0f) == -INFINITY);
    CHECK(std::isnan(one(kernels.log, -1.0f)));
    CHECK(std::isnan(one(kernels.log, -INFINITY)));
    CHECK(one(kernels.log, INFINITY) == INFINITY);
    CHECK(std::isnan(one(kernels.log, NAN)));
    CHECK(one(kernels.log, 1e-40f) == doctest::Approx(std::log(1e-40)).epsilon(1e-6));
  }
}

TEST_CASE("sqrt, square and relu") {
  check_unary(
      "sqrt", &Kernels::sqrt, [](double x) { return std::sqrt(x); }, 4.9f, 5.0f, 1e-7);
  check_unary(
      "square", &Kernels::square, [](double x) { return x * x; }, 3.0f, 0, 1e-7);
  check_unary(
      "relu", &Kernels::relu, [](double x) { return x > 0 ? x : 0; }, 3.0f, 0, 0);
  FOR_EACH_ISA(kernels) CHECK(std::isnan(one(kernels.relu, NAN)));
}

TEST_CASE("relu_backward: dy where y is positive, else 0") {
  FOR_EACH_ISA(kernels) {
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 3);
      Guarded y(n, 1);
      Guarded dy(n, 2);
      Guarded dx(n, 3);
      y.fill(random);
      dy.fill(random);
      for (size_t i = 0; i < n; i += 5) y[i] = 0.0f;
      kernels.relu_backward(y.data(), dy.data(), dx.data(), n);
      CHECK(dx.guards_intact());
      for (size_t i = 0; i < n; i++) CHECK(dx[i] == (y[i] > 0 ? dy[i] : 0.0f));
    }
  }
}
