// Activations, softmax, dropout and losses of every ISA against double precision, for lengths
// around vectors.
#include <initializer_list>

#include "support.h"

using batchnorm::Dropout;
using batchnorm::kDropoutGroup;
using batchnorm::Kernels;
using support::Guarded;
using support::Random;

namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double tanh_gelu(double x) {
  return x * logistic(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}
double silu(double x) { return x * logistic(x); }
double silu_derivative(double x) { return logistic(x) * (1 + x * logistic(-x)); }
double gelu_derivative(double x) {
  const double u = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
  const double s = logistic(2 * u);
  const double logistic_derivative = logistic(2 * u) * logistic(-2 * u);
  return s + x * logistic_derivative * 2 * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}

using Reference = double (*)(double);

// The error may be `tolerance` times the result plus `floor`.
void check_unary(const char* name, batchnorm::UnaryKernel Kernels::*kernel, Reference reference,
                 float scale, double tolerance, double floor) {
  CAPTURE(name);
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 1);
      Guarded x(n, 3);
      Guarded y(n, 1);
      x.fill(random, scale);
      (kernels.*kernel)(x.data(), y.data(), n);
      CHECK(y.guards_intact());
      for (size_t i = 0; i < n; i++) {
        const double expected = reference(x[i]);
        CHECK(support::near(y[i], expected, tolerance * std::fabs(expected) + floor));
      }
      (kernels.*kernel)(x.data(), x.data(), n);
      for (size_t i = 0; i < n; i++) CHECK(x[i] == y[i]);
    }
  }
}

// dx = derivative(value) * dy, within `tolerance` times |dy|.
void check_backward(const char* name, batchnorm::BinaryKernel Kernels::*kernel,
                    Reference derivative, float scale, double tolerance) {
  CAPTURE(name);
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 2);
      Guarded value(n, 3);
      Guarded dy(n, 2);
      Guarded dx(n, 1);
      value.fill(random, scale);
      dy.fill(random);
      (kernels.*kernel)(value.data(), dy.data(), dx.data(), n);
      CHECK(dx.guards_intact());
      for (size_t i = 0; i < n; i++) {
        CHECK(support::near(dx[i], derivative(value[i]) * dy[i], tolerance * std::fabs(dy[i])));
      }
    }
  }
}

float one(batchnorm::UnaryKernel kernel, float x) {
  float y = -77;
  kernel(&x, &y, 1);
  return y;
}

float one(batchnorm::BinaryKernel kernel, float value, float dy) {
  float dx = -77;
  kernel(&value, &dy, &dx, 1);
  return dx;
}

// The random words of the counter (counter, 0), by Threefry-2x32 with 20 rounds as in its paper.
void threefry(uint32_t counter, uint32_t key0, uint32_t key1, uint32_t words[2]) {
  const int rotations[] = {13, 15, 26, 6, 17, 29, 16, 24};
  const uint32_t keys[] = {key0, key1, key0 ^ key1 ^ 0x1bd11bdau};
  words[0] = counter + key0;
  words[1] = key1;
  for (uint32_t round = 0; round < 20; round++) {
    words[0] += words[1];
    const int bits = rotations[round % 8];
    words[1] = (words[1] << bits | words[1] >> (32 - bits)) ^ words[0];
    if (round % 4 != 3) continue;
    const uint32_t injection = (round + 1) / 4;
    words[0] += keys[injection % 3];
    words[1] += keys[(injection + 1) % 3] + injection;
  }
}

struct LossCase {
  const char* name;
  batchnorm::LossKernel Kernels::*kernel;
  double (*value)(double x, double t, double parameter);
  double (*gradient)(double x, double t, double parameter);
  float scale;
  double tolerance;
};

}  // namespace

TEST_CASE("sigmoid, tanh, gelu and silu: within a few units in the last place") {
  for (float scale : {0.01f, 0.6f, 3.0f, 30.0f, 80.0f}) {
    check_unary("sigmoid", &Kernels::sigmoid, logistic, scale, 4e-7, 0);
    check_unary(
        "tanh", &Kernels::tanh, [](double x) { return std::tanh(x); }, scale, 4e-7, 0);
  }
  check_unary("gelu", &Kernels::gelu, tanh_gelu, 1.0f, 6e-7, 0);
  // For small results, the rounding error of the argument of exp dominates.
  check_unary("gelu", &Kernels::gelu, tanh_gelu, 12.0f, 4e-7, 1e-7);
  for (float scale : {0.01f, 3.0f, 80.0f}) {
    check_unary("silu", &Kernels::silu, silu, scale, 6e-7, 0);
  }
  check_unary(
      "abs", &Kernels::abs, [](double x) { return std::fabs(x); }, 3.0f, 0, 0);
}

TEST_CASE("sigmoid, tanh, gelu and silu: limits at infinity, NaN and the sign of zero") {
  FOR_EACH_ISA(kernels) {
    for (float x : {100.0f, 1e30f, INFINITY}) {
      CHECK(one(kernels.sigmoid, x) == 1.0f);
      CHECK(one(kernels.sigmoid, -1.2f * x) == 0.0f);
      CHECK(one(kernels.tanh, x) == 1.0f);
      CHECK(one(kernels.tanh, -x) == -1.0f);
      CHECK(one(kernels.gelu, x) == x);
      CHECK(one(kernels.silu, x) == x);
      CHECK(one(kernels.silu_backward, x, 0.5f) == 0.5f);
      CHECK(one(kernels.silu_backward, -1.2f * x, 0.5f) == 0.0f);
      CHECK(one(kernels.gelu_backward, x, 0.5f) == 0.5f);
      CHECK(one(kernels.gelu_backward, -x, 0.5f) == 0.0f);
    }
    CHECK(one(kernels.gelu, -1e30f) == 0.0f);
    // A subnormal result, for which 1 - sigmoid(-x) would be 0.
    CHECK(support::near(one(kernels.sigmoid, -95.0f), std::exp(-95.0), 3e-45));
    CHECK(std::signbit(one(kernels.tanh, -0.0f)));
    CHECK(one(kernels.tanh, 1e-30f) == 1e-30f);
    for (auto kernel : {kernels.sigmoid, kernels.tanh, kernels.gelu, kernels.silu, kernels.abs}) {
      CHECK(std::isnan(one(kernel, NAN)));
    }
    CHECK(std::isnan(one(kernels.gelu_backward, NAN, 1.0f)));
    CHECK(std::isnan(one(kernels.silu_backward, NAN, 1.0f)));
    CHECK(one(kernels.abs_backward, 0.0f, 3.0f) == 0.0f);
    CHECK(std::isnan(one(kernels.abs_backward, NAN, 1.0f)));
  }
}

TEST_CASE("derivatives of sigmoid, tanh, gelu, silu and abs") {
  check_backward(
      "sigmoid", &Kernels::sigmoid_backward, [](double y) { return y * (1 - y); }, 1.0f, 4e-7);
  check_backward(
      "tanh", &Kernels::tanh_backward, [](double y) { return 1 - y * y; }, 1.0f, 4e-7);
  for (float scale : {1.0f, 4.0f, 20.0f}) {
    check_backward("silu", &Kernels::silu_backward, silu_derivative, scale, 1e-6);
    check_backward("gelu", &Kernels::gelu_backward, gelu_derivative, scale, 1e-6);
  }
  check_backward(
      "abs", &Kernels::abs_backward, [](double x) { return x > 0 ? 1.0 : -1.0; }, 1.0f, 0);
}

TEST_CASE("leaky_relu and its gradient") {
  FOR_EACH_ISA(kernels) {
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 4);
      Guarded x(n, 1), dy(n, 2), y(n, 3), dx(n, 4);
      x.fill(random);
      dy.fill(random);
      for (size_t i = 0; i < n; i += 5) x[i] = 0.0f;
      kernels.leaky_relu(x.data(), 0.3f, y.data(), n);
      kernels.leaky_relu_backward(x.data(), dy.data(), 0.3f, dx.data(), n);
      CHECK(y.guards_intact());
      CHECK(dx.guards_intact());
      for (size_t i = 0; i < n; i++) {
        CHECK(y[i] == (x[i] > 0 ? x[i] : 0.3f * x[i]));
        CHECK(dx[i] == (x[i] > 0 ? dy[i] : 0.3f * dy[i]));
      }
    }
  }
}

TEST_CASE("softmax and its gradient: every length, large logits") {
  FOR_EACH_ISA(kernels) {
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 6);
      Guarded x(n, 1), y(n, 2), dy(n, 3), dx(n, 4);
      x.fill(random, 5.0f, 1000.0f);
      dy.fill(random);
      kernels.softmax(x.data(), y.data(), n);
      kernels.softmax_backward(y.data(), dy.data(), dx.data(), n);
      CHECK(y.guards_intact());
      CHECK(dx.guards_intact());
      double sum = 0, products = 0;
      for (size_t i = 0; i < n; i++) sum += std::exp(x[i] - 1000.0);
      for (size_t i = 0; i < n; i++) {
        const double expected = std::exp(x[i] - 1000.0) / sum;
        CHECK(support::near(y[i], expected, 2e-6 * expected));
        products += static_cast<double>(y[i]) * static_cast<double>(dy[i]);
      }
      for (size_t i = 0; i < n; i++) {
        const double expected = y[i] * (dy[i] - products);
        CHECK(support::near(dx[i], expected, 1e-6 * y[i]));
      }
    }
  }
}

TEST_CASE("dropout: known answers of Threefry, assigned in groups of 32 elements") {
  uint32_t words[2];
  threefry(0, 0, 0, words);
  CHECK(words[0] == 0x6b200159u);
  CHECK(words[1] == 0x99ba4efeu);
  FOR_EACH_ISA(kernels) {
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 7);
      Guarded x(n, 1), y(n, 2);
      x.fill(random, 1.0f, 3.0f);
      const Dropout params = {0x13198a2eu, 0x83707344u, 0.3f, 1 / 0.7f, 5 * kDropoutGroup};
      kernels.dropout(x.data(), y.data(), n, params);
      CHECK(y.guards_intact());
      for (size_t i = 0; i < n; i++) {
        const size_t index = params.first + i;
        const size_t counter = index / 32 * 16 + index % 16;
        threefry(static_cast<uint32_t>(counter), params.key0, params.key1, words);
        const uint32_t word = words[index % 32 / 16];
        const bool dropped = static_cast<float>(word >> 8) / 16777216.0f < params.p;
        CHECK(y[i] == (dropped ? 0.0f : x[i] * params.scale));
      }
    }
  }
}

TEST_CASE("losses and their gradients: every length") {
  const LossCase cases[] = {
      {"squared error", &Kernels::squared_error,
       [](double x, double t, double) { return (x - t) * (x - t); },
       [](double x, double t, double) { return 2 * (x - t); }, 2.0f, 1e-6},
      {"absolute error", &Kernels::absolute_error,
       [](double x, double t, double) { return std::fabs(x - t); },
       [](double x, double t, double) { return x > t   ? 1.0
                                               : x < t ? -1.0
                                                       : 0.0; }, 2.0f, 1e-6},
      {"huber", &Kernels::huber,
       [](double x, double t, double delta) {
         const double d = std::fabs(x - t);
         return d < delta ? d * d / 2 : delta * (d - delta / 2);
       },
       [](double x, double t, double delta) { return std::fmax(-delta, std::fmin(delta, x - t)); },
       2.0f, 1e-6},
      {"binary cross entropy", &Kernels::binary_cross_entropy,
       [](double x, double t, double) {
         return std::fmax(x, 0.0) - x * t + std::log1p(std::exp(-std::fabs(x)));
       },
       [](double x, double t, double) { return logistic(x) - t; }, 10.0f, 1e-6},
      {"binary cross entropy, large", &Kernels::binary_cross_entropy,
       [](double x, double t, double) {
         return std::fmax(x, 0.0) - x * t + std::log1p(std::exp(-std::fabs(x)));
       },
       [](double x, double t, double) { return logistic(x) - t; }, 1e4f, 1e-6},
  };
  for (const LossCase& each : cases) {
    CAPTURE(std::string(each.name));
    FOR_EACH_ISA(kernels) {
      CAPTURE(std::string(kernels.isa));
      for (size_t n : support::edge_sizes(kernels.lanes)) {
        Random random(n + 8);
        Guarded x(n, 1), target(n, 2), gradient(n, 3), losses(n, 2);
        x.fill(random, each.scale);
        target.fill(random, 0.5f, 0.5f);
        const double sum = (kernels.*each.kernel)(x.data(), target.data(), 0.75f, 0.5f,
                                                  losses.data(), gradient.data(), n);
        CHECK(gradient.guards_intact());
        CHECK(losses.guards_intact());
        double expected = 0;
        for (size_t i = 0; i < n; i++) {
          const double value = each.value(x[i], target[i], 0.75);
          CHECK(support::near(losses[i], 0.5 * value, 2e-6 * std::fmax(1e-6, value)));
          expected += value;
          const double derivative = 0.5 * each.gradient(x[i], target[i], 0.75);
          const double tolerance = 2e-6 * std::fmax(1.0, std::fabs(derivative));
          CHECK(support::near(gradient[i], derivative, tolerance));
        }
        CHECK(support::near(sum, expected, each.tolerance * expected));
        const double without_gradient =
            (kernels.*each.kernel)(x.data(), target.data(), 0.75f, 0.5f, nullptr, nullptr, n);
        CHECK(without_gradient == sum);
      }
    }
  }
}

TEST_CASE("weighted binary cross entropy: every length") {
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 9);
      Guarded x(n, 1), target(n, 2), weight(n, 1), gradient(n, 3), losses(n, 2);
      x.fill(random, 10.0f);
      target.fill(random, 0.5f, 0.5f);
      weight.fill(random, 2.0f, 2.0f);
      const double sum = kernels.weighted_binary_cross_entropy(
          x.data(), target.data(), weight.data(), 0.5f, losses.data(), gradient.data(), n);
      CHECK(gradient.guards_intact());
      CHECK(losses.guards_intact());
      double expected = 0;
      for (size_t i = 0; i < n; i++) {
        const double above = static_cast<double>(weight[i]) * target[i], below = 1.0 - target[i];
        const double rest = std::log1p(std::exp(-std::fabs(x[i])));
        const double value =
            above * (std::fmax(-x[i], 0.0) + rest) + below * (std::fmax(x[i], 0.0) + rest);
        CHECK(support::near(losses[i], 0.5 * value, 2e-6 * std::fmax(1e-6, value)));
        expected += value;
        const double derivative = above * (logistic(x[i]) - 1) + below * logistic(x[i]);
        CHECK(support::near(gradient[i], 0.5 * derivative, 2e-6 * std::fmax(1.0, above + below)));
      }
      CHECK(support::near(sum, expected, 1e-6 * expected));
      CHECK(kernels.weighted_binary_cross_entropy(x.data(), target.data(), weight.data(), 0.5f,
                                                  nullptr, nullptr, n) == sum);
    }
  }
}

TEST_CASE("weighted binary cross entropy: a term of weight 0 adds 0 beside an infinite logit") {
  FOR_EACH_ISA(kernels) {
    const float infinity = HUGE_VALF;
    const float x[] = {infinity, -infinity, -infinity};
    const float target[] = {1, 0, 1};
    const float weight[] = {2, 2, 0};
    float gradient[3];
    CHECK(kernels.weighted_binary_cross_entropy(x, target, weight, 1, nullptr, gradient, 3) == 0);
    for (float each : gradient) CHECK(each == 0);
  }
}

TEST_CASE("binary cross entropy: full precision for confident, correct predictions") {
  FOR_EACH_ISA(kernels) {
    for (float x : {-30.0f, 30.0f}) {
      const float target = x > 0 ? 1.0f : 0.0f;
      float gradient = 0;
      const double loss = kernels.binary_cross_entropy(&x, &target, 0, 1, nullptr, &gradient, 1);
      CHECK(support::near(loss, std::exp(-30.0), 1e-6 * std::exp(-30.0)));
      CHECK(support::near(std::fabs(gradient), std::exp(-30.0), 1e-6 * std::exp(-30.0)));
    }
  }
}

TEST_CASE("binary cross entropy: zero loss for an infinite logit that agrees with its target") {
  struct Case {
    float x, target;
    double loss;
    float gradient;
  };
  const Case cases[] = {
      {INFINITY, 1, 0, 0},
      {-INFINITY, 0, 0, 0},
      {INFINITY, 0, INFINITY, 1},
      {-INFINITY, 1, INFINITY, -1},
      {INFINITY, 0.5f, INFINITY, 0.5f},
      {-INFINITY, 0.5f, INFINITY, -0.5f},
      {NAN, 0, NAN, NAN},
      {NAN, 1, NAN, NAN},
      {INFINITY, NAN, NAN, NAN},
  };
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases) {
      CAPTURE(each.x);
      CAPTURE(each.target);
      float gradient = -1, value = -1;
      const double loss =
          kernels.binary_cross_entropy(&each.x, &each.target, 0, 1, &value, &gradient, 1);
      if (std::isnan(each.loss)) {
        CHECK(std::isnan(loss));
        CHECK(std::isnan(gradient));
        CHECK(std::isnan(value));
      } else {
        CHECK(loss == each.loss);
        CHECK(gradient == each.gradient);
        CHECK(value == static_cast<float>(each.loss));
      }
    }
  }
}
