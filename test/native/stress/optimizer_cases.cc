// Cases of the optimizer steps. The formulas are evaluated in double with a class that also bounds
// the error of the same evaluation in float32.
#include "ops/optimizers.h"

#include <algorithm>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::AdamStep;
using batchnorm::RmspropStep;
using batchnorm::SgdStep;

// A number in double, with a bound of its error in float32 and the largest magnitude among all
// intermediate results.
class Bounded {
 public:
  // An input, which is exact.
  Bounded(double exact) : value_(exact), error_(0), largest_(std::fabs(exact)) {}

  double value() const { return value_; }
  double error() const { return error_; }
  // The largest magnitude of this number and all intermediate results.
  double largest() const { return largest_; }

  Bounded operator+(const Bounded& other) const {
    return rounded(value_ + other.value_, error_ + other.error_, other);
  }
  Bounded operator-(const Bounded& other) const { return *this + Bounded(-1, other); }
  Bounded operator*(const Bounded& other) const {
    return rounded(
        value_ * other.value_,
        std::fabs(value_) * other.error_ + std::fabs(other.value_) * error_ + error_ * other.error_,
        other);
  }
  // If the divisor may be zero, the error is unbounded.
  Bounded operator/(const Bounded& other) const {
    const double min_divisor = std::fabs(other.value_) - other.error_;
    const double quotient = value_ / other.value_;
    if (other.error_ > 0 && !(min_divisor > 0)) return rounded(quotient, INFINITY, other);
    const double error = other.error_ + error_ == 0
                             ? 0
                             : (error_ + std::fabs(quotient) * other.error_) / min_divisor;
    return rounded(quotient, error, other);
  }
  Bounded root() const {
    const double root = std::sqrt(value_);
    const double error = error_ == 0 ? 0 : std::fmin(std::sqrt(error_), error_ / root);
    return rounded(root, error, *this);
  }
  // The larger of the two; this number where one of them is NaN.
  Bounded at_least(double other) const {
    Bounded result = *this;
    if (value_ < other) result.value_ = other;
    result.largest_ = std::fmax(largest_, std::fabs(result.value_));
    return result;
  }
  Bounded at_least_zero() const { return at_least(0); }

 private:
  Bounded(int sign, const Bounded& other)
      : value_(sign * other.value_), error_(other.error_), largest_(other.largest_) {}

  Bounded rounded(double value, double error, const Bounded& other) const {
    Bounded result = value;
    result.largest_ = std::fmax(std::fabs(value) + error, std::fmax(largest_, other.largest_));
    // One rounding more than there is if the ISA has fused multiply-add.
    result.error_ = error + kRounding * (std::fabs(value) + error) + kTiny;
    return result;
  }

  double value_, error_, largest_;
};

std::string check(const char* what, size_t index, float actual, const Bounded& expected) {
  if (!std::isfinite(expected.value())) {
    return std::isfinite(actual) ? mismatch(what, index, actual, expected.value()) : "";
  }
  // Intermediate results that overflow, or divisors that may be zero.
  if (!(expected.largest() <= FLT_MAX) || !std::isfinite(expected.error())) return "";
  return compare(what, index, actual, expected.value(), expected.error());
}

// An array that a step updates, and its values before the step.
struct State {
  State(const Setting& setting, size_t n) : now(setting.buffer(n)), before(n, 0) {}
  void keep() { before.copy_from(now); }

  Buffer now, before;
};

float choose(Choices& choices, std::initializer_list<float> values) {
  return values.begin()[choices.below(values.size())];
}

struct Parameters {
  Parameters(const Setting& setting, size_t n)
      : parameter(setting, n),
        gradient(setting.buffer(n)),
        first(setting, n),
        second(setting, n),
        third(setting, n) {
    fill(parameter.now, setting.choices);
    fill(gradient, setting.choices);
    for (State* each : {&first, &second, &third}) fill_parameters(each->now, setting.choices);
  }
  void keep() {
    for (State* each : {&parameter, &first, &second, &third}) each->keep();
  }
  std::string guards() const {
    return stress::guards({&parameter.now, &gradient, &first.now, &second.now, &third.now});
  }
  uint64_t digest() const {
    return stress::digest({&parameter.now, &first.now, &second.now, &third.now});
  }

  State parameter;
  Buffer gradient;
  State first, second, third;  // the optimizer's state: velocity, moments
};

std::string check_sgd(const Parameters& all, const SgdStep& step, bool has_velocity) {
  const Bounded decay = Bounded(step.learning_rate) * step.decoupled;
  for (size_t i = 0; i < all.gradient.size(); i++) {
    const Bounded p = all.parameter.before[i];
    Bounded direction = Bounded(step.l2) * p + all.gradient[i];
    if (has_velocity) {
      const Bounded velocity = Bounded(step.momentum) * all.first.before[i] + direction;
      const std::string failure = check("velocity", i, all.first.now[i], velocity);
      if (!failure.empty()) return failure;
      direction = step.nesterov ? Bounded(step.momentum) * velocity + direction : velocity;
    }
    const std::string failure = check("parameter", i, all.parameter.now[i],
                                      p - (decay * p + Bounded(step.learning_rate) * direction));
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_adam(const Parameters& all, const AdamStep& step, bool amsgrad) {
  const Bounded decay = Bounded(step.learning_rate) * step.decoupled;
  for (size_t i = 0; i < all.gradient.size(); i++) {
    const Bounded p = all.parameter.before[i];
    const Bounded g = Bounded(step.l2) * p + all.gradient[i];
    const Bounded m = Bounded(step.beta1) * all.first.before[i] + Bounded(step.weight1) * g;
    const Bounded v = Bounded(step.beta2) * all.second.before[i] + Bounded(step.weight2) * (g * g);
    std::string failure = check("moment1", i, all.first.now[i], m);
    if (failure.empty()) failure = check("moment2", i, all.second.now[i], v);
    const Bounded divisor = amsgrad ? v.at_least(all.third.before[i]) : v;
    if (failure.empty() && amsgrad) failure = check("max_moment2", i, all.third.now[i], divisor);
    if (!failure.empty()) return failure;
    const Bounded direction = (m * step.correction1) /
                              ((divisor * step.correction2).at_least_zero().root() + step.epsilon);
    failure = check("parameter", i, all.parameter.now[i],
                    p - (decay * p + Bounded(step.learning_rate) * direction));
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_rmsprop(const Parameters& all, const RmspropStep& step, bool has_velocity,
                          bool centered) {
  const Bounded decay = Bounded(step.learning_rate) * step.decoupled;
  const Bounded weight = step.weight;
  for (size_t i = 0; i < all.gradient.size(); i++) {
    const Bounded p = all.parameter.before[i];
    const Bounded g = Bounded(step.l2) * p + all.gradient[i];
    const Bounded before = all.first.before[i];
    const Bounded mean_square = weight * (g * g - before) + before;
    std::string failure = check("mean_square", i, all.first.now[i], mean_square);
    if (!failure.empty()) return failure;
    Bounded variance = mean_square;
    if (centered) {
      const Bounded mean_before = all.third.before[i];
      const Bounded mean = weight * (g - mean_before) + mean_before;
      failure = check("mean_gradient", i, all.third.now[i], mean);
      if (!failure.empty()) return failure;
      variance = (mean_square - mean * mean).at_least_zero();
    }
    Bounded direction = g / (variance + step.epsilon).root();
    if (has_velocity) {
      direction = Bounded(step.momentum) * all.second.before[i] + direction;
      failure = check("velocity", i, all.second.now[i], direction);
      if (!failure.empty()) return failure;
    }
    failure = check("parameter", i, all.parameter.now[i],
                    p - (decay * p + Bounded(step.learning_rate) * direction));
    if (!failure.empty()) return failure;
  }
  return "";
}

}  // namespace

Outcome run_optimizer_step(const Setting& setting) {
  Choices& choices = setting.choices;
  const size_t which = choices.below(3);
  const char* const names[] = {"sgd_step", "adam_step", "rmsprop_step"};
  const float learning_rate = choose(choices, {0.1f, 1e-3f, 1.0f});
  const float l2 = choose(choices, {0, 0, 0.01f, 0.5f});
  const float decoupled = choose(choices, {0, 0, 0.05f});
  const float epsilon = choose(choices, {1e-8f, 1e-3f});
  const float momentum = choose(choices, {0.9f, 0.0f, 0.5f});
  const bool has_velocity = choices.flip(), other = choices.flip();
  const size_t n = std::min<size_t>(choose_elements(setting), 20000);
  Outcome outcome = setting.outcome(names[which], {n});
  Parameters all(setting, n);
  // Means of squares must not be negative.
  Buffer& squares = which == 1 ? all.second.now : all.first.now;
  for (size_t i = 0; i < n && which != 0; i++) squares[i] = std::fabs(squares[i]);
  all.keep();
  float* const p = all.parameter.now.data();
  const float* const g = all.gradient.data();
  if (which == 0) {
    const SgdStep params = {learning_rate, l2, decoupled, momentum, other};
    batchnorm::sgd_step(setting.kernels, p, g, has_velocity ? all.first.now.data() : nullptr, n,
                        params);
    outcome.failure = check_sgd(all, params, has_velocity);
  } else if (which == 1) {
    // The first step, or a later one.
    const AdamStep params =
        other
            ? AdamStep{learning_rate, 0.9f, 0.999f, 0.1f, 0.001f, 10, 1000, epsilon, l2, decoupled}
            : AdamStep{learning_rate, 0.5f, 0.75f, 0.5f, 0.25f, 1, 1, epsilon, l2, decoupled};
    batchnorm::adam_step(setting.kernels, p, g, all.first.now.data(), all.second.now.data(),
                         has_velocity ? all.third.now.data() : nullptr, n, params);
    outcome.failure = check_adam(all, params, has_velocity);
  } else {
    const RmspropStep params = {learning_rate, 0.1f, epsilon, momentum, l2, decoupled};
    batchnorm::rmsprop_step(setting.kernels, p, g, all.first.now.data(),
                            has_velocity ? all.second.now.data() : nullptr,
                            other ? all.third.now.data() : nullptr, n, params);
    outcome.failure = check_rmsprop(all, params, has_velocity, other);
  }
  if (outcome.failure.empty()) outcome.failure = all.guards();
  outcome.digest = all.digest();
  return outcome;
}

}  // namespace stress
