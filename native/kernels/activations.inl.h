// sigmoid, tanh, GeLU, leaky ReLU, abs and their derivatives. exp is only ever applied to
// arguments <= 0, so it cannot overflow and the tails keep their relative accuracy.

inline F32 magnitude(F32 x) { return from_bits(bits(x) & broadcast_i32(0x7fffffff)); }

// s = 1 / (1 + exp(-x)) and its derivative s * (1 - s). The derivative is computed without the
// difference 1 - s, which cancels where s is near 1.
struct Logistic {
  F32 value, derivative;

  explicit Logistic(F32 x) {
    const F32 one = F32::broadcast(1.0f);
    const F32 power = Exp()(F32::zero() - magnitude(x));
    const F32 larger = one / (one + power);  // sigmoid(|x|)
    const F32 smaller = power * larger;
    value = select(less(x, F32::zero()), smaller, larger);
    derivative = smaller * larger;
  }
};

struct Sigmoid {
  F32 operator()(F32 x) const { return Logistic(x).value; }
};
struct SigmoidBackward {
  F32 operator()(F32 y, F32 dy) const { return y * (F32::broadcast(1.0f) - y) * dy; }
};

struct Tanh {
  F32 operator()(F32 x) const {
    const F32 one = F32::broadcast(1.0f);
    // For |x| < 0.625, where 1 - exp(-2|x|) would cancel: x + x^3 * p(x^2), with p fitted at
    // Chebyshev points to within 7e-10 of tanh.
    const F32 square = x * x;
    F32 series = F32::broadcast(2.29584128e-3f);
    series = mul_add(series, square, F32::broadcast(-8.346980513e-3f));
    series = mul_add(series, square, F32::broadcast(2.176996093e-2f));
    series = mul_add(series, square, F32::broadcast(-5.395940591e-2f));
    series = mul_add(series, square, F32::broadcast(1.333330428e-1f));
    series = mul_add(series, square, F32::broadcast(-3.333333318e-1f));
    const F32 size = magnitude(x);
    const F32 near_zero = mul_add(series * square, size, size);

    const F32 power = Exp()(size * F32::broadcast(-2.0f));
    const I32 sign = bits(x) & broadcast_i32(std::numeric_limits<int32_t>::min());
    const F32 far = (one - power) / (one + power);
    return from_bits(bits(select(less(size, F32::broadcast(0.625f)), near_zero, far)) ^ sign);
  }
};
struct TanhBackward {
  F32 operator()(F32 y, F32 dy) const { return negative_mul_add(y, y, F32::broadcast(1.0f)) * dy; }
};

// x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi) * (x + 0.044715 x^3) (Hendrycks and Gimpel, 2016),
// computed as x * sigmoid(2u) because 1 + tanh(u) cancels for negative u.
struct Gelu {
  static constexpr float kLinear = 1.5957691216f;  // 2 * sqrt(2 / pi)
  static constexpr float kCubic = 0.0713548163f;   // 0.044715 of that

  static F32 argument(F32 x) {
    return x * mul_add(F32::broadcast(kCubic) * x, x, F32::broadcast(kLinear));
  }
  F32 operator()(F32 x) const { return x * Logistic(argument(x)).value; }
};
struct GeluBackward {
  F32 operator()(F32 x, F32 dy) const {
    // Beyond |x| = 11 the derivative is 0 or 1 in float32. Without the clamp, x^2 could overflow
    // and give Inf * 0.
    x = min(F32::broadcast(11.0f), max(F32::broadcast(-11.0f), x));
    const Logistic logistic(Gelu::argument(x));
    const F32 inner =
        mul_add(F32::broadcast(3 * Gelu::kCubic) * x, x, F32::broadcast(Gelu::kLinear));
    return mul_add(x * logistic.derivative, inner, logistic.value) * dy;
  }
};

// x * sigmoid(x) (Elfwing, Uchibe and Doya, 2018).
struct Silu {
  F32 operator()(F32 x) const { return x * Logistic(x).value; }
};
struct SiluBackward {
  F32 operator()(F32 x, F32 dy) const {
    // Beyond 104 the derivative is 0 or 1 in float; at infinity, x times 0 would
    // be NaN.
    x = min(F32::broadcast(104.0f), max(F32::broadcast(-104.0f), x));
    const Logistic logistic(x);
    return mul_add(x, logistic.derivative, logistic.value) * dy;
  }
};

struct Abs {
  F32 operator()(F32 x) const { return magnitude(x); }
};
struct AbsBackward {
  F32 operator()(F32 x, F32 dy) const {
    // If x is neither above nor below 0, it is 0 or NaN, and the result is x itself.
    const F32 not_below = select(less(F32::zero(), x), dy, x);
    return select(less(x, F32::zero()), F32::zero() - dy, not_below);
  }
};

struct LeakyRelu {
  F32 negative_slope;
  F32 operator()(F32 x) const { return select(less(F32::zero(), x), x, negative_slope * x); }
};
struct LeakyReluBackward {
  F32 negative_slope;
  F32 operator()(F32 x, F32 dy) const {
    return select(less(F32::zero(), x), dy, negative_slope * dy);
  }
};

inline void leaky_relu(const float* x, float negative_slope, float* y, size_t n) {
  map(x, y, n, LeakyRelu{F32::broadcast(negative_slope)});
}

inline void leaky_relu_backward(const float* x, const float* dy, float negative_slope, float* dx,
                                size_t n) {
  map(x, dy, dx, n, LeakyReluBackward{F32::broadcast(negative_slope)});
}
