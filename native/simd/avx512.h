// The vector layer of AVX-512 (F, DQ, BW and VL): sixteen floats in a 512-bit register.
// simd/scalar.h documents the members. Included inside the ISA's target region and namespace, after
// <immintrin.h>.
//
// AVX-512 has mask registers, so a partial vector costs no more than a whole one.

struct Mask {
  __mmask16 lanes;
};

struct I32 {
  __m512i lanes;
};

// A mask of the lanes below n; n < 16.
inline __mmask16 first_lanes(size_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

struct F32 {
  static constexpr size_t kLanes = 16;
  static constexpr size_t kRegisters = 32;
  __m512 lanes;

  static F32 zero() { return {_mm512_setzero_ps()}; }
  static F32 broadcast(float value) { return {_mm512_set1_ps(value)}; }
  static F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static F32 load_first(const float* p, size_t n) {
    return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
  }
  void store(float* p) const { _mm512_storeu_ps(p, lanes); }
  void store_first(float* p, size_t n) const { _mm512_mask_storeu_ps(p, first_lanes(n), lanes); }
  static constexpr bool kMasks = true;
  static Mask mask_of(uint32_t bits) { return {static_cast<__mmask16>(bits)}; }
  static F32 load_masked(const float* p, Mask mask) {
    return {_mm512_maskz_loadu_ps(mask.lanes, p)};
  }
  void store_masked(float* p, Mask mask) const { _mm512_mask_storeu_ps(p, mask.lanes, lanes); }
  static constexpr bool kStreams = true;
  void stream(float* p) const { _mm512_stream_ps(p, lanes); }
};

inline F32 in_register(F32 a) {
#if defined(__GNUC__)
  __asm__("" : "+v"(a.lanes));
#endif
  return a;
}

inline F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.lanes, b.lanes)}; }
inline F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.lanes, b.lanes)}; }
inline F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.lanes, b.lanes)}; }
inline F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.lanes, b.lanes)}; }
inline F32 sqrt(F32 a) { return {_mm512_maskz_sqrt_ps(0xffff, a.lanes)}; }

inline F32 mul_add(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.lanes, b.lanes, c.lanes)}; }
inline F32 negative_mul_add(F32 a, F32 b, F32 c) {
  return {_mm512_fnmadd_ps(a.lanes, b.lanes, c.lanes)};
}

inline void stream_fence() { _mm_sfence(); }

// The maskz forms with a full mask, here and in sqrt: g++ 12 warns of an uninitialized value in its
// own header for the plain intrinsics.
inline F32 max(F32 a, F32 b) { return {_mm512_maskz_max_ps(0xffff, a.lanes, b.lanes)}; }
inline F32 min(F32 a, F32 b) { return {_mm512_maskz_min_ps(0xffff, a.lanes, b.lanes)}; }

inline Mask less(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.lanes, b.lanes, _CMP_LT_OQ)}; }
inline Mask less_equal(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.lanes, b.lanes, _CMP_LE_OQ)}; }
inline F32 select(Mask mask, F32 yes, F32 no) {
  return {_mm512_mask_blend_ps(mask.lanes, no.lanes, yes.lanes)};
}
inline F32 keep_first(F32 a, size_t n, F32 b) {
  return {_mm512_mask_blend_ps(first_lanes(n), b.lanes, a.lanes)};
}

inline I32 bits(F32 a) { return {_mm512_castps_si512(a.lanes)}; }
inline F32 from_bits(I32 a) { return {_mm512_castsi512_ps(a.lanes)}; }
inline I32 broadcast_i32(int32_t value) { return {_mm512_set1_epi32(value)}; }
inline I32 operator+(I32 a, I32 b) { return {_mm512_add_epi32(a.lanes, b.lanes)}; }
inline I32 operator-(I32 a, I32 b) { return {_mm512_sub_epi32(a.lanes, b.lanes)}; }
inline I32 operator&(I32 a, I32 b) { return {_mm512_and_si512(a.lanes, b.lanes)}; }
inline I32 operator^(I32 a, I32 b) { return {_mm512_xor_si512(a.lanes, b.lanes)}; }
inline I32 lane_index() {
  return {_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)};
}
template <int kBits>
I32 shift_left(I32 a) {
  return {_mm512_maskz_slli_epi32(0xffff, a.lanes, kBits)};
}
template <int kBits>
I32 shift_right(I32 a) {
  return {_mm512_maskz_srai_epi32(0xffff, a.lanes, kBits)};
}
template <int kBits>
I32 shift_right_logical(I32 a) {
  return {_mm512_maskz_srli_epi32(0xffff, a.lanes, kBits)};
}
template <int kBits>
I32 rotate_left(I32 a) {
  return {_mm512_maskz_rol_epi32(0xffff, a.lanes, kBits)};
}
inline F32 to_f32(I32 a) { return {_mm512_maskz_cvtepi32_ps(0xffff, a.lanes)}; }

// _mm512_permutex2var_ps selects any 16 of the 32 floats a0 .. a15 b0 .. b15.
inline F32 even_lanes(F32 a, F32 b) {
  const __m512i indices =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return {_mm512_permutex2var_ps(a.lanes, indices, b.lanes)};
}
inline F32 odd_lanes(F32 a, F32 b) {
  const __m512i indices =
      _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return {_mm512_permutex2var_ps(a.lanes, indices, b.lanes)};
}
inline F32 interleave_low(F32 a, F32 b) {
  const __m512i indices = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return {_mm512_permutex2var_ps(a.lanes, indices, b.lanes)};
}
inline F32 interleave_high(F32 a, F32 b) {
  const __m512i indices =
      _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  return {_mm512_permutex2var_ps(a.lanes, indices, b.lanes)};
}

inline __m256 low_half(F32 a) { return _mm512_maskz_extractf32x8_ps(0xff, a.lanes, 0); }
inline __m256 high_half(F32 a) { return _mm512_maskz_extractf32x8_ps(0xff, a.lanes, 1); }

inline float max_lane(F32 a) {
  const __m256 of_8 = _mm256_max_ps(low_half(a), high_half(a));
  const __m128 of_4 = _mm_max_ps(_mm256_castps256_ps128(of_8), _mm256_extractf128_ps(of_8, 1));
  const __m128 of_2 = _mm_max_ps(of_4, _mm_movehl_ps(of_4, of_4));
  return _mm_cvtss_f32(_mm_max_ss(of_2, _mm_shuffle_ps(of_2, of_2, 1)));
}

inline __m512d to_doubles(__m256 a) { return _mm512_maskz_cvtps_pd(0xff, a); }

// Lanes i and i + 8 share a double: two conversions and two additions per vector.
struct F64Sum {
  __m512d lanes;

  static F64Sum zero() { return {_mm512_setzero_pd()}; }
  void add(F32 a) {
    const __m512d pairs = _mm512_add_pd(to_doubles(low_half(a)), to_doubles(high_half(a)));
    lanes = _mm512_add_pd(lanes, pairs);
  }
  double total() const {
    const __m256d of_4 = _mm256_add_pd(_mm512_maskz_extractf64x4_pd(0xf, lanes, 0),
                                       _mm512_maskz_extractf64x4_pd(0xf, lanes, 1));
    const __m128d of_2 = _mm_add_pd(_mm256_castpd256_pd128(of_4), _mm256_extractf128_pd(of_4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(of_2, _mm_unpackhi_pd(of_2, of_2)));
  }
};

struct F64Lanes {
  __m512d low, high;

  static F64Lanes zero() { return {_mm512_setzero_pd(), _mm512_setzero_pd()}; }
  static F64Lanes load(const double* p) { return {_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
  void add(F32 a) {
    low = _mm512_add_pd(low, to_doubles(low_half(a)));
    high = _mm512_add_pd(high, to_doubles(high_half(a)));
  }
  void store(double* p) const {
    _mm512_storeu_pd(p, low);
    _mm512_storeu_pd(p + 8, high);
  }
};
