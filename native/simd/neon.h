// The vector layer of NEON on AArch64: four floats in a 128-bit register. simd/scalar.h documents
// the members. Included inside the namespace of the ISA, after <arm_neon.h>.

struct Mask {
  uint32x4_t lanes;
};

struct I32 {
  int32x4_t lanes;
};

inline uint32x4_t first_lanes(size_t n) {
  const uint32x4_t index =
      vsetq_lane_u32(3, vsetq_lane_u32(2, vsetq_lane_u32(1, vdupq_n_u32(0), 1), 2), 3);
  return vcltq_u32(index, vdupq_n_u32(static_cast<uint32_t>(n)));
}

struct F32 {
  static constexpr size_t kLanes = 4;
  static constexpr size_t kRegisters = 32;
  float32x4_t lanes;

  static F32 zero() { return {vdupq_n_f32(0.0f)}; }
  static F32 broadcast(float value) { return {vdupq_n_f32(value)}; }
  static F32 load(const float* p) { return {vld1q_f32(p)}; }
  // NEON has no masked loads and stores, so a partial vector is read and written lane by lane.
  static F32 load_first(const float* p, size_t n) {
    float32x4_t lanes = vld1q_lane_f32(p, vdupq_n_f32(0.0f), 0);
    if (n > 1) lanes = vld1q_lane_f32(p + 1, lanes, 1);
    if (n > 2) lanes = vld1q_lane_f32(p + 2, lanes, 2);
    return {lanes};
  }
  void store(float* p) const { vst1q_f32(p, lanes); }
  // STNP is only a hint, and there is no intrinsic for it.
  static constexpr bool kMasks = false;
  static constexpr bool kStreams = false;
  void stream(float* p) const { store(p); }
  void store_first(float* p, size_t n) const {
    vst1q_lane_f32(p, lanes, 0);
    if (n > 1) vst1q_lane_f32(p + 1, lanes, 1);
    if (n > 2) vst1q_lane_f32(p + 2, lanes, 2);
  }
};

inline F32 in_register(F32 a) {
#if defined(__GNUC__)
  __asm__("" : "+w"(a.lanes));
#endif
  return a;
}

inline F32 operator+(F32 a, F32 b) { return {vaddq_f32(a.lanes, b.lanes)}; }
inline F32 operator-(F32 a, F32 b) { return {vsubq_f32(a.lanes, b.lanes)}; }
inline F32 operator*(F32 a, F32 b) { return {vmulq_f32(a.lanes, b.lanes)}; }
inline F32 operator/(F32 a, F32 b) { return {vdivq_f32(a.lanes, b.lanes)}; }
inline F32 sqrt(F32 a) { return {vsqrtq_f32(a.lanes)}; }

inline F32 mul_add(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.lanes, a.lanes, b.lanes)}; }
inline F32 negative_mul_add(F32 a, F32 b, F32 c) { return {vfmsq_f32(c.lanes, a.lanes, b.lanes)}; }

inline void stream_fence() {}

// Not FMAX and FMIN, which return NaN if either argument is NaN; the other ISAs return b.
inline F32 max(F32 a, F32 b) { return {vbslq_f32(vcgtq_f32(a.lanes, b.lanes), a.lanes, b.lanes)}; }
inline F32 min(F32 a, F32 b) { return {vbslq_f32(vcltq_f32(a.lanes, b.lanes), a.lanes, b.lanes)}; }

inline Mask less(F32 a, F32 b) { return {vcltq_f32(a.lanes, b.lanes)}; }
inline Mask less_equal(F32 a, F32 b) { return {vcleq_f32(a.lanes, b.lanes)}; }
inline F32 select(Mask mask, F32 yes, F32 no) {
  return {vbslq_f32(mask.lanes, yes.lanes, no.lanes)};
}
inline F32 keep_first(F32 a, size_t n, F32 b) {
  return {vbslq_f32(first_lanes(n), a.lanes, b.lanes)};
}

inline I32 bits(F32 a) { return {vreinterpretq_s32_f32(a.lanes)}; }
inline F32 from_bits(I32 a) { return {vreinterpretq_f32_s32(a.lanes)}; }
inline I32 broadcast_i32(int32_t value) { return {vdupq_n_s32(value)}; }
inline I32 operator+(I32 a, I32 b) { return {vaddq_s32(a.lanes, b.lanes)}; }
inline I32 operator-(I32 a, I32 b) { return {vsubq_s32(a.lanes, b.lanes)}; }
inline I32 operator&(I32 a, I32 b) { return {vandq_s32(a.lanes, b.lanes)}; }
inline I32 operator^(I32 a, I32 b) { return {veorq_s32(a.lanes, b.lanes)}; }
inline I32 lane_index() {
  return {vsetq_lane_s32(3, vsetq_lane_s32(2, vsetq_lane_s32(1, vdupq_n_s32(0), 1), 2), 3)};
}
template <int kBits>
I32 shift_left(I32 a) {
  return {vshlq_n_s32(a.lanes, kBits)};
}
template <int kBits>
I32 shift_right(I32 a) {
  return {vshrq_n_s32(a.lanes, kBits)};
}
template <int kBits>
I32 shift_right_logical(I32 a) {
  return {vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.lanes), kBits))};
}
template <int kBits>
I32 rotate_left(I32 a) {
  const uint32x4_t bits = vreinterpretq_u32_s32(a.lanes);
  return {
      vreinterpretq_s32_u32(vorrq_u32(vshlq_n_u32(bits, kBits), vshrq_n_u32(bits, 32 - kBits)))};
}
inline F32 to_f32(I32 a) { return {vcvtq_f32_s32(a.lanes)}; }

inline F32 even_lanes(F32 a, F32 b) { return {vuzp1q_f32(a.lanes, b.lanes)}; }
inline F32 odd_lanes(F32 a, F32 b) { return {vuzp2q_f32(a.lanes, b.lanes)}; }
inline F32 interleave_low(F32 a, F32 b) { return {vzip1q_f32(a.lanes, b.lanes)}; }
inline F32 interleave_high(F32 a, F32 b) { return {vzip2q_f32(a.lanes, b.lanes)}; }

inline float max_lane(F32 a) { return vmaxvq_f32(a.lanes); }

struct F64Sum {
  float64x2_t lanes;

  static F64Sum zero() { return {vdupq_n_f64(0.0)}; }
  void add(F32 a) {
    const float64x2_t low = vcvt_f64_f32(vget_low_f32(a.lanes));
    const float64x2_t high = vcvt_high_f64_f32(a.lanes);
    lanes = vaddq_f64(lanes, vaddq_f64(low, high));
  }
  double total() const { return vaddvq_f64(lanes); }
};

struct F64Lanes {
  float64x2_t low, high;

  static F64Lanes zero() { return {vdupq_n_f64(0.0), vdupq_n_f64(0.0)}; }
  static F64Lanes load(const double* p) { return {vld1q_f64(p), vld1q_f64(p + 2)}; }
  void add(F32 a) {
    low = vaddq_f64(low, vcvt_f64_f32(vget_low_f32(a.lanes)));
    high = vaddq_f64(high, vcvt_high_f64_f32(a.lanes));
  }
  void store(double* p) const {
    vst1q_f64(p, low);
    vst1q_f64(p + 2, high);
  }
};
