// The vector layer of WebAssembly's SIMD: four floats in a 128-bit register. simd/scalar.h
// documents the members. Included inside the namespace of the ISA, after <wasm_simd128.h>.

struct Mask {
  v128_t lanes;
};

struct I32 {
  v128_t lanes;
};

inline v128_t first_lanes(size_t n) {
  return wasm_i32x4_lt(wasm_i32x4_const(0, 1, 2, 3), wasm_i32x4_splat(static_cast<int32_t>(n)));
}

struct F32 {
  static constexpr size_t kLanes = 4;
  // Of x64, where engines have the fewest, without the one that V8 keeps for itself and the one of
  // a product before it is added. A tile with one register too many spills in each step.
  static constexpr size_t kRegisters = 14;
  v128_t lanes;

  static F32 zero() { return {wasm_f32x4_const_splat(0.0f)}; }
  static F32 broadcast(float value) { return {wasm_f32x4_splat(value)}; }
  static F32 load(const float* p) { return {wasm_v128_load(p)}; }
  // There are no masked loads and stores, so a partial vector is read and written lane by lane.
  static F32 load_first(const float* p, size_t n) {
    v128_t lanes = wasm_v128_load32_zero(p);
    if (n > 1) lanes = wasm_v128_load32_lane(p + 1, lanes, 1);
    if (n > 2) lanes = wasm_v128_load32_lane(p + 2, lanes, 2);
    return {lanes};
  }
  void store(float* p) const { wasm_v128_store(p, lanes); }
  void store_first(float* p, size_t n) const {
    wasm_v128_store32_lane(p, lanes, 0);
    if (n > 1) wasm_v128_store32_lane(p + 1, lanes, 1);
    if (n > 2) wasm_v128_store32_lane(p + 2, lanes, 2);
  }
  static constexpr bool kMasks = false;
  static constexpr bool kStreams = false;
  void stream(float* p) const { store(p); }
};

// The engine allocates registers, and no constraint of inline assembly reaches it.
inline F32 in_register(F32 a) { return a; }

inline F32 operator+(F32 a, F32 b) { return {wasm_f32x4_add(a.lanes, b.lanes)}; }
inline F32 operator-(F32 a, F32 b) { return {wasm_f32x4_sub(a.lanes, b.lanes)}; }
inline F32 operator*(F32 a, F32 b) { return {wasm_f32x4_mul(a.lanes, b.lanes)}; }
inline F32 operator/(F32 a, F32 b) { return {wasm_f32x4_div(a.lanes, b.lanes)}; }
inline F32 sqrt(F32 a) { return {wasm_f32x4_sqrt(a.lanes)}; }

// Rounded twice: only relaxed SIMD has fused multiply-adds, and there the processor decides whether
// they are fused, so results would differ between machines.
inline F32 mul_add(F32 a, F32 b, F32 c) { return a * b + c; }
inline F32 negative_mul_add(F32 a, F32 b, F32 c) { return c - a * b; }

inline void stream_fence() {}

// PMAX(x, y) is x < y ? y : x, which is x if either is NaN.
inline F32 max(F32 a, F32 b) { return {wasm_f32x4_pmax(b.lanes, a.lanes)}; }
inline F32 min(F32 a, F32 b) { return {wasm_f32x4_pmin(b.lanes, a.lanes)}; }

inline Mask less(F32 a, F32 b) { return {wasm_f32x4_lt(a.lanes, b.lanes)}; }
inline Mask less_equal(F32 a, F32 b) { return {wasm_f32x4_le(a.lanes, b.lanes)}; }
inline F32 select(Mask mask, F32 yes, F32 no) {
  return {wasm_v128_bitselect(yes.lanes, no.lanes, mask.lanes)};
}
inline F32 keep_first(F32 a, size_t n, F32 b) {
  return {wasm_v128_bitselect(a.lanes, b.lanes, first_lanes(n))};
}

inline I32 bits(F32 a) { return {a.lanes}; }
inline F32 from_bits(I32 a) { return {a.lanes}; }
inline I32 broadcast_i32(int32_t value) { return {wasm_i32x4_splat(value)}; }
inline I32 operator+(I32 a, I32 b) { return {wasm_i32x4_add(a.lanes, b.lanes)}; }
inline I32 operator-(I32 a, I32 b) { return {wasm_i32x4_sub(a.lanes, b.lanes)}; }
inline I32 operator&(I32 a, I32 b) { return {wasm_v128_and(a.lanes, b.lanes)}; }
inline I32 operator^(I32 a, I32 b) { return {wasm_v128_xor(a.lanes, b.lanes)}; }
inline I32 lane_index() { return {wasm_i32x4_const(0, 1, 2, 3)}; }
template <int kBits>
I32 shift_left(I32 a) {
  return {wasm_i32x4_shl(a.lanes, kBits)};
}
template <int kBits>
I32 shift_right(I32 a) {
  return {wasm_i32x4_shr(a.lanes, kBits)};
}
template <int kBits>
I32 shift_right_logical(I32 a) {
  return {wasm_u32x4_shr(a.lanes, kBits)};
}
template <int kBits>
I32 rotate_left(I32 a) {
  return {wasm_v128_or(wasm_i32x4_shl(a.lanes, kBits), wasm_u32x4_shr(a.lanes, 32 - kBits))};
}
inline F32 to_f32(I32 a) { return {wasm_f32x4_convert_i32x4(a.lanes)}; }

inline F32 even_lanes(F32 a, F32 b) { return {wasm_i32x4_shuffle(a.lanes, b.lanes, 0, 2, 4, 6)}; }
inline F32 odd_lanes(F32 a, F32 b) { return {wasm_i32x4_shuffle(a.lanes, b.lanes, 1, 3, 5, 7)}; }
inline F32 interleave_low(F32 a, F32 b) {
  return {wasm_i32x4_shuffle(a.lanes, b.lanes, 0, 4, 1, 5)};
}
inline F32 interleave_high(F32 a, F32 b) {
  return {wasm_i32x4_shuffle(a.lanes, b.lanes, 2, 6, 3, 7)};
}

inline v128_t upper_half(v128_t a) { return wasm_i64x2_shuffle(a, a, 1, 1); }

inline float max_lane(F32 a) {
  const F32 of_2 = max(a, {upper_half(a.lanes)});
  const F32 of_1 = max(of_2, {wasm_i32x4_shuffle(of_2.lanes, of_2.lanes, 1, 1, 1, 1)});
  return wasm_f32x4_extract_lane(of_1.lanes, 0);
}

inline v128_t lower_doubles(F32 a) { return wasm_f64x2_promote_low_f32x4(a.lanes); }
inline v128_t upper_doubles(F32 a) { return wasm_f64x2_promote_low_f32x4(upper_half(a.lanes)); }

struct F64Sum {
  v128_t lanes;

  static F64Sum zero() { return {wasm_f64x2_const_splat(0.0)}; }
  void add(F32 a) {
    lanes = wasm_f64x2_add(lanes, wasm_f64x2_add(lower_doubles(a), upper_doubles(a)));
  }
  double total() const {
    return wasm_f64x2_extract_lane(lanes, 0) + wasm_f64x2_extract_lane(lanes, 1);
  }
};

struct F64Lanes {
  v128_t low, high;

  static F64Lanes zero() { return {wasm_f64x2_const_splat(0.0), wasm_f64x2_const_splat(0.0)}; }
  static F64Lanes load(const double* p) { return {wasm_v128_load(p), wasm_v128_load(p + 2)}; }
  void add(F32 a) {
    low = wasm_f64x2_add(low, lower_doubles(a));
    high = wasm_f64x2_add(high, upper_doubles(a));
  }
  void store(double* p) const {
    wasm_v128_store(p, low);
    wasm_v128_store(p + 2, high);
  }
};
