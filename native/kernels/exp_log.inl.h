// exp and log, within 2 units in the last place; own polynomials, so that results do not depend on
// the C library and no libm is needed.

struct Exp {
  // exp(x) = 2^exponent * (1 + minus_one).
  struct Parts {
    F32 minus_one;
    I32 exponent;
  };

  // exp(x) = 2^n * exp(r) with n = round(x / ln 2) and |r| <= ln 2 / 2, where the Taylor series to
  // r^7 leaves 5e-9. Adding 1.5 * 2^23 rounds to an integer that stands in the low bits of the sum.
  static Parts parts(F32 x) {
    const F32 magic = F32::broadcast(12582912.0f);
    // Beyond these, the result is 0 or Inf whatever x is; NaN passes (see max).
    x = min(F32::broadcast(89.0f), max(F32::broadcast(-104.0f), x));
    const F32 shifted = mul_add(x, F32::broadcast(1.44269504f), magic);
    const F32 n = shifted - magic;
    // ln 2 in two parts; n * 0.693359375 is exact since the constant has ten bits.
    F32 r = negative_mul_add(n, F32::broadcast(0.693359375f), x);
    r = negative_mul_add(n, F32::broadcast(-2.12194440e-4f), r);
    F32 series = F32::broadcast(1.0f / 5040);
    series = mul_add(series, r, F32::broadcast(1.0f / 720));
    series = mul_add(series, r, F32::broadcast(1.0f / 120));
    series = mul_add(series, r, F32::broadcast(1.0f / 24));
    series = mul_add(series, r, F32::broadcast(1.0f / 6));
    series = mul_add(series, r, F32::broadcast(0.5f));
    return {mul_add(series * r, r, r), bits(shifted) - bits(magic)};
  }

  F32 operator()(F32 x) const { return whole(parts(x)); }

  static F32 whole(const Parts& of) {
    // 2^n in two factors: n reaches 128 and -150, a float's exponent field neither.
    const I32 half = shift_right<1>(of.exponent);
    return (of.minus_one + F32::broadcast(1.0f)) * power_of_two(half) *
           power_of_two(of.exponent - half);
  }

  static F32 power_of_two(I32 exponent) {
    return from_bits(shift_left<23>(exponent + broadcast_i32(127)));
  }
};

struct Log {
  // x = m * 2^e with sqrt(1/2) <= m < sqrt(2); log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <
  // 0.172, where the odd series to s^9 leaves 4e-10.
  F32 operator()(F32 x) const {
    const F32 one = F32::broadcast(1.0f);
    const Mask subnormal = less(x, F32::broadcast(1.17549435e-38f));
    const F32 normal = select(subnormal, x * F32::broadcast(8388608.0f), x);
    const I32 root_half = broadcast_i32(0x3f3504f3);
    const I32 above_root = bits(normal) - root_half;
    const F32 m = from_bits((above_root & broadcast_i32(0x007fffff)) + root_half);
    const F32 e =
        to_f32(shift_right<23>(above_root)) - select(subnormal, F32::broadcast(23.0f), F32::zero());

    const F32 f = m - one;  // exact
    const F32 s = f / (m + one);
    const F32 square = s * s;
    F32 series = F32::broadcast(2.0f / 9);
    series = mul_add(series, square, F32::broadcast(2.0f / 7));
    series = mul_add(series, square, F32::broadcast(2.0f / 5));
    series = mul_add(series, square, F32::broadcast(2.0f / 3));
    // 2s = f - s*f exactly: the leading term f keeps all its bits near x = 1.
    const F32 tail = s * negative_mul_add(series, square, f);
    const F32 low = negative_mul_add(e, F32::broadcast(2.12194440e-4f), F32::zero() - tail);
    const F32 result = mul_add(e, F32::broadcast(0.693359375f), f + low);

    const F32 infinity = F32::broadcast(std::numeric_limits<float>::infinity());
    const F32 nan = F32::broadcast(std::numeric_limits<float>::quiet_NaN());
    const F32 zero_or_result = select(less_equal(x, F32::zero()), F32::zero() - infinity, result);
    const F32 finite = select(less(x, F32::zero()), nan, zero_or_result);
    // Inf and NaN are their own logarithms.
    return select(less(x, infinity), finite, x);
  }
};

// log(1 + f) for 0 <= f <= 1, as Log has it for m = 1 + f, which would lose the bits of small f:
// s = f / (2 + f) is at most 1/3, where the odd series to s^15 leaves 1e-9.
struct LogOfOnePlus {
  F32 operator()(F32 f) const {
    const F32 s = f / (f + F32::broadcast(2.0f));
    const F32 square = s * s;
    F32 series = F32::broadcast(2.0f / 15);
    series = mul_add(series, square, F32::broadcast(2.0f / 13));
    series = mul_add(series, square, F32::broadcast(2.0f / 11));
    series = mul_add(series, square, F32::broadcast(2.0f / 9));
    series = mul_add(series, square, F32::broadcast(2.0f / 7));
    series = mul_add(series, square, F32::broadcast(2.0f / 5));
    series = mul_add(series, square, F32::broadcast(2.0f / 3));
    return f - s * negative_mul_add(series, square, f);
  }
};
