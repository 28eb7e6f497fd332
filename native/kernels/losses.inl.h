// Element-wise losses: the sum over pairs of prediction and target and, in the same pass, each loss
// and the gradient with respect to the predictions, multiplied by a factor such as 1 / n.

struct SquaredError {
  explicit SquaredError(float) {}
  F32 value(F32 x, F32 target) const { return (x - target) * (x - target); }
  F32 gradient(F32 x, F32 target) const { return (x - target) + (x - target); }
};

struct AbsoluteError {
  explicit AbsoluteError(float) {}
  F32 value(F32 x, F32 target) const { return magnitude(x - target); }
  F32 gradient(F32 x, F32 target) const { return AbsBackward()(x - target, F32::broadcast(1.0f)); }
};

// d^2 / 2 where |d| < delta, else delta * (|d| - delta / 2) (Huber, 1964). One expression covers
// both cases: q * (|d| - q / 2) with q = min(|d|, delta).
struct HuberError {
  F32 delta;
  explicit HuberError(float parameter) : delta(F32::broadcast(parameter)) {}
  F32 value(F32 x, F32 target) const {
    const F32 distance = magnitude(x - target);
    const F32 bounded = min(delta, distance);
    return bounded * negative_mul_add(F32::broadcast(0.5f), bounded, distance);
  }
  F32 gradient(F32 x, F32 target) const { return max(F32::zero() - delta, min(delta, x - target)); }
};

// -t * log(sigmoid(x)) - (1 - t) * log(1 - sigmoid(x)), computed as
// max(x, 0) - x * t + log(1 + exp(-|x|)), in which nothing overflows.
struct BinaryCrossEntropy {
  explicit BinaryCrossEntropy(float) {}
  F32 value(F32 x, F32 target) const {
    const F32 power = Exp()(F32::zero() - magnitude(x));
    // max(x, 0) - x * t as x * (1 - t) or -x * t, because the difference would cancel for large x.
    const F32 weight =
        select(less(x, F32::zero()), F32::zero() - target, F32::broadcast(1.0f) - target);
    const F32 rest = LogOfOnePlus()(power);
    // An infinite logit that agrees with its target adds no loss, but Inf * 0 would be NaN.
    const Mask agrees = less_equal(magnitude(weight), F32::zero());
    return select(agrees, rest, mul_add(x, weight, rest));
  }
  F32 gradient(F32 x, F32 target) const {
    // sigmoid(x) - t. For x > 0 it is computed as (1 - t) - sigmoid(-x), which does not cancel if t
    // is 1.
    const F32 rest = Sigmoid()(F32::zero() - magnitude(x));
    const F32 above = (F32::broadcast(1.0f) - target) - rest;
    return select(less(F32::zero(), x), above, rest - target);
  }
};

// The same with a weight of the first term, -w * t * log(sigmoid(x)) - (1 - t) * log(1 -
// sigmoid(x)). The two logarithms are the losses against targets of 1 and 0, which share the
// exponential.
struct WeightedBinaryCrossEntropy {
  F32 value(F32 x, F32 target, F32 weight) const {
    const F32 zero = F32::zero();
    const F32 rest = LogOfOnePlus()(Exp()(zero - magnitude(x)));
    return combine(target, weight, max(zero - x, zero) + rest, max(x, zero) + rest);
  }
  F32 gradient(F32 x, F32 target, F32 weight) const {
    const F32 zero = F32::zero(), one = F32::broadcast(1.0f);
    const F32 rest = Sigmoid()(zero - magnitude(x));
    const Mask above = less(zero, x);
    return combine(target, weight, select(above, zero - rest, rest - one),
                   select(above, one - rest, rest));
  }

 private:
  static F32 combine(F32 target, F32 weight, F32 positive, F32 negative) {
    return term(weight * target, positive) + term(F32::broadcast(1.0f) - target, negative);
  }
  // A term of weight 0 adds 0 even if its logarithm is infinite.
  static F32 term(F32 weight, F32 value) {
    const Mask is_zero = less_equal(magnitude(weight), F32::zero());
    return select(is_zero, F32::zero(), weight * value);
  }
};

template <class Loss>
double loss(const float* x, const float* target, float parameter, float factor, float* losses,
            float* gradient, size_t n) {
  const Loss pair(parameter);
  const F32 scale = F32::broadcast(factor);
  F64Sum sum = F64Sum::zero();
  size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) {
    const F32 prediction = F32::load(x + i);
    const F32 expected = F32::load(target + i);
    const F32 value = pair.value(prediction, expected);
    sum.add(value);
    if (losses != nullptr) (value * scale).store(losses + i);
    if (gradient != nullptr) (pair.gradient(prediction, expected) * scale).store(gradient + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    const F32 prediction = F32::load_first(x + i, rest);
    const F32 expected = F32::load_first(target + i, rest);
    const F32 value = pair.value(prediction, expected);
    sum.add(keep_first(value, rest, F32::zero()));
    if (losses != nullptr) (value * scale).store_first(losses + i, rest);
    if (gradient != nullptr) {
      (pair.gradient(prediction, expected) * scale).store_first(gradient + i, rest);
    }
  }
  return sum.total();
}

double weighted_binary_cross_entropy(const float* x, const float* target, const float* weight,
                                     float factor, float* losses, float* gradient, size_t n) {
  const WeightedBinaryCrossEntropy pair;
  const F32 scale = F32::broadcast(factor);
  F64Sum sum = F64Sum::zero();
  for (size_t i = 0; i < n; i += F32::kLanes) {
    const size_t rest = n - i;
    const bool is_whole = rest >= F32::kLanes;
    const auto load = [&](const float* from) {
      return is_whole ? F32::load(from + i) : F32::load_first(from + i, rest);
    };
    const auto store = [&](F32 value, float* to) {
      if (is_whole)
        value.store(to + i);
      else
        value.store_first(to + i, rest);
    };
    const F32 prediction = load(x), expected = load(target), factor_of_positive = load(weight);
    const F32 value = pair.value(prediction, expected, factor_of_positive);
    sum.add(is_whole ? value : keep_first(value, rest, F32::zero()));
    if (losses != nullptr) store(value * scale, losses);
    if (gradient != nullptr) {
      store(pair.gradient(prediction, expected, factor_of_positive) * scale, gradient);
    }
  }
  return sum.total();
}
