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
  // Whether a term is beyond the largest float; nothing is then checked.
  bool overflows = false;
};

bool is_beyond_floats(double value) { return std::isfinite(value) && std::fabs(value) > FLT_MAX; }

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

// The same with a weight of the first term. The products of the terms' weights are those of floats.
Pair weighted_binary_cross_entropy(float x, float target, float weight) {
  const double power = std::exp(-std::fabs(static_cast<double>(x)));
  const double rest = std::log1p(power), smaller = power / (1 + power);
  const double weights[] = {weight * target, 1.0f - target};
  const double values[] = {std::fmax(-x, 0.0f) + rest, std::fmax(x, 0.0f) + rest};
  const double gradients[] = {x > 0 ? -smaller : smaller - 1, x > 0 ? 1 - smaller : smaller};
  Pair pair = {0, 0, 0, 0};
  for (size_t i = 0; i < 2; i++) {
    // A term of weight 0 adds 0 even if its logarithm is infinite.
    if (weights[i] == 0) continue;
    const double size = std::fabs(weights[i]);
    const double value = weights[i] * values[i], gradient = weights[i] * gradients[i];
    pair.value += value;
    pair.value_error += 4 * kRounding * std::fabs(value) + size * (10 * kRounding * rest + kTiny);
    pair.gradient += gradient;
    pair.gradient_error +=
        4 * kRounding * std::fabs(gradient) + size * (8 * kRounding * smaller + kTiny);
    // An infinite weight times a logarithm that underflows is NaN.
    pair.overflows = pair.overflows || std::isinf(weights[i]) || is_beyond_floats(value) ||
                     is_beyond_floats(gradient);
  }
  return pair;
}

struct Call {
  float factor;
  const Buffer& x;
  const Buffer& target;
  const float* losses;
  const float* gradient;
  double result;
};

// pair_of(i) is what is expected of pair i.
template <class PairOf>
std::string check(const Call& call, const PairOf& pair_of) {
  double sum = 0, error = 0;
  bool overflows = false;
  for (size_t i = 0; i < call.x.size(); i++) {
    const Pair pair = pair_of(i);
    sum += pair.value;
    error += pair.value_error + 4 * kTiny + 0x1p-52 * std::fabs(sum);
    const bool has_difference =
        !pair.overflows && !is_beyond_floats(2 * (static_cast<double>(call.x[i]) - call.target[i]));
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

// Mostly labels or probabilities, as cross entropy expects.
void make_labels(Buffer& target, Choices& choices) {
  if (choices.one_in(4)) return;
  const bool labels = choices.flip();
  for (size_t i = 0; i < target.size(); i++) {
    const float size = std::fabs(target[i]);
    target[i] = labels ? (size > 0.5f ? 1.0f : 0.0f) : size / (1 + size);
  }
}

// The arguments and results that all losses have.
struct Tensors {
  explicit Tensors(const Setting& setting)
      : n(choose_elements(setting)),
        factor(setting.choices.flip() ? 1 / (1 + static_cast<float>(n)) : -3.7f),
        x(setting.buffer(n)),
        target(setting.buffer(n)),
        gradient(setting.buffer(n)),
        losses(n, 3) {
    fill(x, setting.choices);
    fill(target, setting.choices);
    make_labels(target, setting.choices);
    gradient.fill(0);
    losses.fill(0);
  }
  // Follows from n: another choice would change the meaning of the recorded cases.
  float* each_loss() { return n % 2 == 0 ? losses.data() : nullptr; }

  // Runs loss(losses, gradient, result) and compares the results with pair_of(i).
  template <class Run, class PairOf>
  void run(Outcome& outcome, bool has_gradient, const Run& loss, const PairOf& pair_of) {
    float* const gradients = has_gradient ? gradient.data() : nullptr;
    double result = -1;
    if (loss(each_loss(), gradients, &result) != batchnorm::Status::kOk) {
      outcome.failure = "out of memory";
      return;
    }
    outcome.failure = guards({&x, &target, &losses, &gradient});
    if (outcome.failure.empty()) {
      outcome.failure = check({factor, x, target, each_loss(), gradients, result}, pair_of);
    }
    Digest all;
    all.add(gradient);
    all.add(losses);
    all.add(result);
    outcome.digest = all.value();
  }

  size_t n;
  float factor;
  Buffer x, target, gradient, losses;
};

}  // namespace

Outcome run_loss(const Setting& setting) {
  constexpr float kParameters[] = {1, 0.01f, 3, 1e-6f, 1e4f};
  Choices& choices = setting.choices;
  const Loss& loss = kLosses[choices.below(4)];
  const float parameter = kParameters[choices.below(5)];
  const bool has_gradient = !choices.one_in(4);
  Tensors tensors(setting);
  Outcome outcome = setting.outcome(loss.name, {tensors.n});
  tensors.run(
      outcome, has_gradient,
      [&](float* losses, float* gradient, double* result) {
        return batchnorm::apply_loss(setting.kernels.*loss.kernel, tensors.x.data(),
                                     tensors.target.data(), parameter, tensors.factor, losses,
                                     gradient, tensors.n, result);
      },
      [&](size_t i) { return loss.of(tensors.x[i], tensors.target[i], parameter); });
  return outcome;
}

Outcome run_weighted_loss(const Setting& setting) {
  Choices& choices = setting.choices;
  const bool has_gradient = !choices.one_in(4);
  Tensors tensors(setting);
  Buffer weight = setting.buffer(tensors.n);
  fill(weight, choices);
  Outcome outcome = setting.outcome("weighted_binary_cross_entropy", {tensors.n});
  tensors.run(
      outcome, has_gradient,
      [&](float* losses, float* gradient, double* result) {
        return batchnorm::apply_weighted_loss(
            setting.kernels.weighted_binary_cross_entropy, tensors.x.data(), tensors.target.data(),
            weight.data(), tensors.factor, losses, gradient, tensors.n, result);
      },
      [&](size_t i) {
        return weighted_binary_cross_entropy(tensors.x[i], tensors.target[i], weight[i]);
      });
  return outcome;
}

}  // namespace stress
