// Cases of the activations, exp, log and square roots, and of their gradients, for any float.
#include <algorithm>

#include "ops/elementwise.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::Kernels;

constexpr double kUlp = 2 * kRounding;  // one unit in the last place, relative

// The expected result of a function and its tolerance.
struct Expected {
  double value;
  double tolerance;
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// exp and log are within 2 ulp; a subnormal result of exp is rounded twice.
Expected exp_of(float x) {
  const double value = std::exp(static_cast<double>(x));
  return {value, 2 * kUlp * value + 2 * kTiny};
}
Expected log_of(float x) {
  const double value = std::log(static_cast<double>(x));
  return {value, 2 * kUlp * std::fabs(value)};
}
Expected sqrt_of(float x) { return {std::sqrt(x), 0}; }
Expected square_of(float x) { return {x * x, 0}; }
Expected relu_of(float x) { return {x < 0 ? 0.0f : x, 0}; }
Expected abs_of(float x) { return {std::fabs(x), 0}; }

// The errors of an exp, a sum, a quotient and a product.
Expected sigmoid_of(float x) {
  const double value = logistic(x);
  return {value, (2 * kUlp + 3 * kRounding) * value + 2 * kTiny};
}
Expected tanh_of(float x) {
  const double value = std::tanh(static_cast<double>(x));
  return {value, 3.5 * kUlp * std::fabs(value)};
}

// The argument of the sigmoid in gelu(x) = x * sigmoid(u). u is rounded five times, including its
// two constants; an error in u changes the sigmoid by sigmoid(-u) times the error, relative.
struct GeluArgument {
  explicit GeluArgument(double x)
      : value(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)),
        error(5 * kRounding * std::fabs(value) * logistic(-value)) {}
  double value;
  double error;  // relative error of the sigmoid
};
Expected gelu_of(float x) {
  const GeluArgument u(x);
  const double value = x * logistic(u.value);
  // -Inf * 0.
  if (std::isinf(x) && x < 0) return {NAN, 0};
  const double relative = 2 * kUlp + 4 * kRounding + (std::isfinite(u.error) ? u.error : 0);
  return {value, relative * std::fabs(value) + kTiny * (2 + std::fabs(x))};
}

Expected silu_of(float x) {
  const double value = x * logistic(x);
  // Inf times zero.
  if (std::isinf(x) && x < 0) return {NAN, 0};
  return {value, (2 * kUlp + 4 * kRounding) * std::fabs(value) + kTiny * (2 + std::fabs(x))};
}

struct Activation {
  const char* name;
  batchnorm::UnaryKernel Kernels::*kernel;
  Expected (*of)(float x);
};
constexpr Activation kActivations[] = {{"exp", &Kernels::exp, exp_of},
                                       {"log", &Kernels::log, log_of},
                                       {"sqrt", &Kernels::sqrt, sqrt_of},
                                       {"square", &Kernels::square, square_of},
                                       {"relu", &Kernels::relu, relu_of},
                                       {"abs", &Kernels::abs, abs_of},
                                       {"sigmoid", &Kernels::sigmoid, sigmoid_of},
                                       {"tanh", &Kernels::tanh, tanh_of},
                                       {"gelu", &Kernels::gelu, gelu_of},
                                       {"silu", &Kernels::silu, silu_of}};

// Gradients: the derivative, from the function's result y or its argument x, times dy.
Expected relu_derivative(float y, float dy) { return {y <= 0 ? 0.0f : dy, 0}; }
Expected abs_derivative(float x, float dy) { return {x > 0 ? dy : x < 0 ? -dy : x, 0}; }

// derivative * dy. Any result is accepted if the derivative overflows float32.
Expected product(double derivative, double derivative_error, float dy) {
  if (std::isfinite(derivative) && std::fabs(derivative) > FLT_MAX) return {0, INFINITY};
  const double value = derivative * dy;
  return {value, derivative_error * std::fabs(dy) + kRounding * std::fabs(value) + kTiny};
}
Expected sigmoid_derivative(float y, float dy) {
  const double derivative = y * (1 - static_cast<double>(y));
  return product(derivative, 2 * kRounding * std::fabs(derivative) + kTiny, dy);
}
Expected tanh_derivative(float y, float dy) {
  const double square = static_cast<double>(y) * y;
  return product(1 - square, 2 * kRounding * (1 + square) + kTiny, dy);
}

// The derivative is 0 or 1 in float32 for |x| > 11.
Expected gelu_derivative(float x, float dy) {
  if (std::isnan(x)) return {NAN, 0};
  const double bounded = std::fmax(-11, std::fmin(11, x));
  const GeluArgument u(bounded);
  const double inner = 2 * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * bounded * bounded);
  const double value = logistic(u.value);
  const double rest = bounded * value * logistic(-u.value) * inner;
  // Both terms are products with the result of an exp, which may be subnormal.
  const double relative = 4 * kUlp + 6 * kRounding + 5 * kRounding * std::fabs(u.value);
  const double error = relative * (value * logistic(-u.value) + std::fabs(rest)) +
                       (2 * kUlp + 3 * kRounding) * value +
                       3 * kTiny * (1 + std::fabs(bounded * inner));
  return product(value + rest, error, dy);
}

// 0 and 1 in float beyond 104.
Expected silu_derivative(float x, float dy) {
  if (std::isnan(x)) return {NAN, 0};
  const double bounded = std::fmax(-104, std::fmin(104, x));
  const double value = logistic(bounded);
  const double rest = bounded * value * logistic(-bounded);
  const double error =
      (4 * kUlp + 6 * kRounding) * (value + std::fabs(rest)) + 3 * kTiny * (1 + std::fabs(bounded));
  return product(value + rest, error, dy);
}

// The functions below round an exact derivative times dy, or a quotient of dy, once more.
Expected exp_derivative(float y, float dy) { return {y * dy, 0}; }
Expected log_derivative(float x, float dy) { return {dy / x, 0}; }
Expected sqrt_derivative(float y, float dy) { return {dy / y * 0.5f, 0}; }
Expected square_derivative(float x, float dy) { return {dy * x * 2.0f, 0}; }

struct Derivative {
  const char* name;
  batchnorm::BinaryKernel Kernels::*kernel;
  Expected (*of)(float value, float dy);
};
constexpr Derivative kDerivatives[] = {
    {"exp_backward", &Kernels::exp_backward, exp_derivative},
    {"log_backward", &Kernels::log_backward, log_derivative},
    {"sqrt_backward", &Kernels::sqrt_backward, sqrt_derivative},
    {"square_backward", &Kernels::square_backward, square_derivative},
    {"relu_backward", &Kernels::relu_backward, relu_derivative},
    {"abs_backward", &Kernels::abs_backward, abs_derivative},
    {"sigmoid_backward", &Kernels::sigmoid_backward, sigmoid_derivative},
    {"tanh_backward", &Kernels::tanh_backward, tanh_derivative},
    {"gelu_backward", &Kernels::gelu_backward, gelu_derivative},
    {"silu_backward", &Kernels::silu_backward, silu_derivative}};

constexpr size_t kActivationCount = sizeof kActivations / sizeof *kActivations;
constexpr size_t kDerivativeCount = sizeof kDerivatives / sizeof *kDerivatives;

std::string check(const char* what, size_t index, float actual, const Expected& expected) {
  if (std::isinf(expected.tolerance) && std::isfinite(expected.value)) return "";
  return compare(what, index, actual, expected.value, expected.tolerance);
}

float choose_negative_slope(Choices& choices) {
  constexpr float kSlopes[] = {0.01f, 0.0f, 1.0f, -0.3f, 1e30f};
  return kSlopes[choices.below(5)];
}

}  // namespace

Outcome run_activation(const Setting& setting) {
  Choices& choices = setting.choices;
  const size_t which = choices.below(kActivationCount + 1);
  const bool leaky = which == kActivationCount;
  const float negative_slope = leaky ? choose_negative_slope(choices) : 0;
  const size_t n = choose_elements(setting);
  Buffer x = setting.buffer(n), y = setting.buffer(n), original(n, 0);
  fill(x, choices);
  original.copy_from(x);
  Buffer& result = choices.flip() ? x : y;
  const char* const name = leaky ? "leaky_relu" : kActivations[which].name;
  Outcome outcome = setting.outcome(name, {n});
  if (leaky) {
    batchnorm::leaky_relu(setting.kernels, x.data(), negative_slope, result.data(), n);
  } else {
    batchnorm::apply_unary(setting.kernels, setting.kernels.*kActivations[which].kernel, x.data(),
                           result.data(), n);
  }
  outcome.failure = guards({&x, &y});
  for (size_t i = 0; i < n && outcome.failure.empty(); i++) {
    const float from = original[i];
    const Expected expected =
        leaky ? Expected{from > 0 ? from : negative_slope * from, 0} : kActivations[which].of(from);
    outcome.failure = check(name, i, result[i], expected);
  }
  outcome.digest = digest({&result});
  return outcome;
}

Outcome run_activation_gradient(const Setting& setting) {
  Choices& choices = setting.choices;
  const size_t which = choices.below(kDerivativeCount + 1);
  const bool leaky = which == kDerivativeCount;
  const float negative_slope = leaky ? choose_negative_slope(choices) : 0;
  const size_t n = choose_elements(setting);
  // One gradient for all values, as that of a sum, or one for each.
  const size_t gradients = choices.one_in(3) ? 1 : n;
  Buffer value = setting.buffer(n), dy = setting.buffer(gradients), dx = setting.buffer(n);
  Buffer original_value(n, 0), original_dy(gradients, 0);
  fill(value, choices);
  fill(dy, choices);
  original_value.copy_from(value);
  original_dy.copy_from(dy);
  Buffer* const places[] = {&dx, &dx, &value, gradients == n ? &dy : &dx};
  Buffer& result = *places[choices.below(4)];
  const char* const name = leaky ? "leaky_relu_backward" : kDerivatives[which].name;
  Outcome outcome = setting.outcome(name, {n});
  if (leaky) {
    batchnorm::leaky_relu_backward(setting.kernels, value.data(), dy.data(), gradients,
                                   negative_slope, result.data(), n);
  } else if (gradients == n) {
    batchnorm::apply_binary(setting.kernels, setting.kernels.*kDerivatives[which].kernel,
                            value.data(), dy.data(), result.data(), n);
  } else {
    batchnorm::apply_to_constant(setting.kernels, setting.kernels.*kDerivatives[which].kernel,
                                 value.data(), dy.data(), result.data(), n);
  }
  outcome.failure = guards({&value, &dy, &dx});
  for (size_t i = 0; i < n && outcome.failure.empty(); i++) {
    const float from = original_value[i], gradient = original_dy[gradients == n ? i : 0];
    const Expected expected = leaky ? Expected{from > 0 ? gradient : negative_slope * gradient, 0}
                                    : kDerivatives[which].of(from, gradient);
    // A derivative that underflows in float32, times Inf.
    if (!std::isfinite(gradient) && !std::isfinite(result[i]) && !std::isfinite(expected.value)) {
      continue;
    }
    outcome.failure = check(name, i, result[i], expected);
  }
  outcome.digest = digest({&result});
  return outcome;
}

}  // namespace stress
