// exp and log to within 2 units in the last place. The polynomials are our own, so results do not
// depend on the C library and the addon does not need libm.

struct Exp {
  // exp(x) = 2^exponent * (1 + minus_one).
  struct Parts {
    F32 minus_one;
    I32 exponent;
  };

  // exp(x) = 2^n * exp(r) with n = round(x / ln 2) and |r| <= ln 2 / 2, for which the Taylor series
  // up to r^7 is within 5e-9. Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits
  // of the sum.
  static Parts parts(F32 x) {
    const F32 magic = F32::broadcast(12582912.0f);
    // Beyond these bounds the result is 0 or Inf in any case. NaN passes: max and min return
    // the second argument for NaN.
    x = min(F32::broadcast(89.0f), max(F32::broadcast(-104.0f), x));
    const F32 shifted = mul_add(x, F32::broadcast(1.44269504f), magic);
    const F32 n = shifted - magic;
    // ln 2 is split in two; n * 0.693359375 is exact because the constant has only ten bits.
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

  F32 operator()(F32 x) const { return combine(parts(x)); }

  static F32 combine(const Parts& parts) {
    // 2^n as two factors: n may be 128 or -150, which do not fit a float's exponent field.
    const I32 half = shift_right<1>(parts.exponent);
    return (parts.minus_one + F32::broadcast(1.0f)) * power_of_two(half) *
           power_of_two(parts.exponent - half);
  }

  static F32 power_of_two(I32 exponent) {
    return from_bits(shift_left<23>(exponent + broadcast_i32(127)));
  }
};

struct Log {
  // x = m * 2^e with sqrt(1/2) <= m < sqrt(2). log m = 2 atanh(s) with s = (m - 1) / (m + 1) and
  // |s| < 0.172, for which the odd series up to s^9 is within 4e-10.
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
    // 2s = f - s*f exactly, and the leading term f keeps all its bits near x = 1.
    const F32 tail = s * negative_mul_add(series, square, f);
    const F32 low = negative_mul_add(e, F32::broadcast(2.12194440e-4f), F32::zero() - tail);
    const F32 result = mul_add(e, F32::broadcast(0.693359375f), f + low);

    const F32 infinity = F32::broadcast(std::numeric_limits<float>::infinity());
    const F32 nan = F32::broadcast(std::numeric_limits<float>::quiet_NaN());
    const F32 zero_or_result = select(less_equal(x, F32::zero()), F32::zero() - infinity, result);
    const F32 finite = select(less(x, F32::zero()), nan, zero_or_result);
    // log(Inf) = Inf and log(NaN) = NaN.
    return select(less(x, infinity), finite, x);
  }
};

// log(1 + f) for 0 <= f <= 1, by the method of Log, but without forming 1 + f, which would lose
// the low bits of a small f. s = f / (2 + f) is at most 1/3, for which the odd series up to s^15 is
// within 1e-9.
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
