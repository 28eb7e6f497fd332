// Cases of the element-wise losses and their gradients.
#include "ops/losses.h"

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::Kernels;

// The loss and gradient of one pair of prediction and target, and their tolerances.
struct Pair {
  double value, value_error;
  double gradient, gradient_error;
};

// Each is a rounded difference, then a rounded product.
Pair squared_error(double x, double target, double) {
  const double d = x - target;
  return {d * d, 4 * kRounding * d * d, 2 * d, 2 * kRounding * std::fabs(d)};
}
Pair absolute_error(double x, double target, double) {
  const double d = x - target;
  const double sign = d > 0 ? 1 : d < 0 ? -1 : d;
  return {std::fabs(d), kRounding * std::fabs(d), sign, 0};
}
// q * (|d| - q / 2) with q = min(|d|, delta). The difference is at least |d| / 2, so nothing
// cancels.
Pair huber(double x, double target, double delta) {
  const double d = x - target;
  const double distance = std::fabs(d);
  const double bounded = distance > delta ? delta : distance;
  const double value = bounded * (distance - bounded / 2);
  return {value, 6 * kRounding * value, distance > delta ? std::copysign(delta, d) : d,
          kRounding * bounded};
}

// The loss is the sum of x * (1 - target) or -x * target (a difference and a product) and
// log(1 + exp(-|x|)) (an exp and a log). The sigmoid in the gradient is within 7 roundings.
Pair binary_cross_entropy(double x, double target, double) {
  const double weight = x < 0 ? -target : 1 - target;
  // 0 if the logit agrees with its target, even if it is infinite.
  const double linear = weight == 0 ? 0 : x * weight;
  const double rest = std::log1p(std::exp(-std::fabs(x)));
  const double smaller = 1 / (1 + std::exp(std::fabs(x)));
  const double gradient = x > 0 ? 1 - target - smaller : smaller - target;
  const double gradient_error = 2 * kRounding * std::fabs(1 - target) + 8 * kRounding * smaller +
                                kRounding * std::fabs(gradient);
  return {linear + rest, 3 * kRounding * std::fabs(linear) + 10 * kRounding * rest, gradient,
          gradient_error};
}

struct Loss {
  const char* name;
  batchnorm::LossKernel Kernels::*kernel;
  Pair (*of)(double x, double target, double parameter);
};
constexpr Loss kLosses[] = {
    {"squared_error", &Kernels::squared_error, squared_error},
    {"absolute_error", &Kernels::absolute_error, absolute_error},
    {"huber", &Kernels::huber, huber},
    {"binary_cross_entropy", &Kernels::binary_cross_entropy, binary_cross_entropy}};

struct Call {
  const Loss& loss;
  float parameter, factor;
  const Buffer& x;
  const Buffer& target;
  const float* losses;
  const float* gradient;
  double result;
};

bool is_beyond_floats(double value) { return std::isfinite(value) && std::fabs(value) > FLT_MAX; }

std::string check(const Call& call) {
  double sum = 0, error = 0;
  bool overflows = false;
  for (size_t i = 0; i < call.x.size(); i++) {
    const Pair pair = call.loss.of(call.x[i], call.target[i], call.parameter);
    sum += pair.value;
    error += pair.value_error + 4 * kTiny + 0x1p-52 * std::fabs(sum);
    const bool has_difference =
        !is_beyond_floats(2 * (static_cast<double>(call.x[i]) - call.target[i]));
    overflows = overflows || !has_difference || is_beyond_floats(pair.value);
    const double factor = call.factor;
    if (call.losses != nullptr && has_difference && !is_beyond_floats(pair.value)) {
      const double loss = factor * pair.value;
      const double tolerance = std::fabs(factor) * (pair.value_error + 4 * kTiny) +
                               2 * kRounding * std::fabs(loss) + kTiny;
      const std::string failure = compare("losses", i, call.losses[i], loss, tolerance);
      if (!failure.empty()) return failure;
    }
    if (!has_difference || call.gradient == nullptr) continue;
    const double gradient = factor * pair.gradient;
    const double tolerance = std::fabs(factor) * (pair.gradient_error + kTiny) +
                             2 * kRounding * std::fabs(gradient) + kTiny;
    const std::string failure = compare("gradient", i, call.gradient[i], gradient, tolerance);
    if (!failure.empty()) return failure;
  }
  // A loss that overflows is Inf, and Inf - Inf is NaN.
  if (overflows && !std::isfinite(call.result)) return "";
  return compare("loss", 0, call.result, sum, error);
}

}  // namespace

Outcome run_loss(const Setting& setting) {
  constexpr float kParameters[] = {1, 0.01f, 3, 1e-6f, 1e4f};
  Choices& choices = setting.choices;
  const Loss& loss = kLosses[choices.below(4)];
  const float parameter = kParameters[choices.below(5)];
  const bool has_gradient = !choices.one_in(4);
  const size_t n = choose_elements(setting);
  const float factor = choices.flip() ? 1 / (1 + static_cast<float>(n)) : -3.7f;
  Buffer x = setting.buffer(n), target = setting.buffer(n), gradient = setting.buffer(n);
  // Follows from n: another choice would change the meaning of the recorded cases.
  const bool has_losses = n % 2 == 0;
  Buffer losses(n, 3);
  fill(x, choices);
  fill(target, choices);
  // Mostly labels or probabilities, as cross entropy expects.
  if (!choices.one_in(4)) {
    const bool labels = choices.flip();
    for (size_t i = 0; i < n; i++) {
      const float size = std::fabs(target[i]);
      target[i] = labels ? (size > 0.5f ? 1.0f : 0.0f) : size / (1 + size);
    }
  }
  Outcome outcome = setting.outcome(loss.name, {n});
  double result = -1;
  float* const gradients = has_gradient ? gradient.data() : nullptr;
  if (!has_gradient) gradient.fill(0);
  losses.fill(0);
  float* const each_loss = has_losses ? losses.data() : nullptr;
  if (batchnorm::apply_loss(setting.kernels.*loss.kernel, x.data(), target.data(), parameter,
                            factor, each_loss, gradients, n, &result) != batchnorm::Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = guards({&x, &target, &losses, &gradient});
  if (outcome.failure.empty()) {
    outcome.failure = check({loss, parameter, factor, x, target, each_loss, gradients, result});
  }
  Digest all;
  all.add(gradient);
  all.add(losses);
  all.add(result);
  outcome.digest = all.value();
  return outcome;
}

}  // namespace stress
