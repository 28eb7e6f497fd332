// The vector layer of AVX2 with FMA: eight floats in a 256-bit register. simd/scalar.h documents
// the members. Included inside the ISA's target region and namespace, after <immintrin.h>.

struct Mask {
  __m256 lanes;
};

struct I32 {
  __m256i lanes;
};

// A mask of the lanes below n, computed by a comparison because a table would occupy a cache line.
inline __m256i first_lanes(size_t n) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), index);
}

struct F32 {
  static constexpr size_t kLanes = 8;
  static constexpr size_t kRegisters = 16;
  __m256 lanes;

  static F32 zero() { return {_mm256_setzero_ps()}; }
  static F32 broadcast(float value) { return {_mm256_set1_ps(value)}; }
  static F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static F32 load_first(const float* p, size_t n) {
    return {_mm256_maskload_ps(p, first_lanes(n))};
  }
  void store(float* p) const { _mm256_storeu_ps(p, lanes); }
  void store_first(float* p, size_t n) const { _mm256_maskstore_ps(p, first_lanes(n), lanes); }
  static constexpr bool kMasks = false;
  static constexpr bool kStreams = true;
  void stream(float* p) const { _mm256_stream_ps(p, lanes); }
};

inline F32 in_register(F32 a) {
#if defined(__GNUC__)
  __asm__("" : "+x"(a.lanes));
#endif
  return a;
}

inline F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.lanes, b.lanes)}; }
inline F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.lanes, b.lanes)}; }
inline F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.lanes, b.lanes)}; }
inline F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.lanes, b.lanes)}; }
inline F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.lanes)}; }

inline F32 mul_add(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.lanes, b.lanes, c.lanes)}; }
inline F32 negative_mul_add(F32 a, F32 b, F32 c) {
  return {_mm256_fnmadd_ps(a.lanes, b.lanes, c.lanes)};
}

inline void stream_fence() { _mm_sfence(); }

inline F32 max(F32 a, F32 b) { return {_mm256_max_ps(a.lanes, b.lanes)}; }
inline F32 min(F32 a, F32 b) { return {_mm256_min_ps(a.lanes, b.lanes)}; }

inline Mask less(F32 a, F32 b) { return {_mm256_cmp_ps(a.lanes, b.lanes, _CMP_LT_OQ)}; }
inline Mask less_equal(F32 a, F32 b) { return {_mm256_cmp_ps(a.lanes, b.lanes, _CMP_LE_OQ)}; }
inline F32 select(Mask mask, F32 yes, F32 no) {
  return {_mm256_blendv_ps(no.lanes, yes.lanes, mask.lanes)};
}
inline F32 keep_first(F32 a, size_t n, F32 b) {
  return {_mm256_blendv_ps(b.lanes, a.lanes, _mm256_castsi256_ps(first_lanes(n)))};
}

inline I32 bits(F32 a) { return {_mm256_castps_si256(a.lanes)}; }
inline F32 from_bits(I32 a) { return {_mm256_castsi256_ps(a.lanes)}; }
inline I32 broadcast_i32(int32_t value) { return {_mm256_set1_epi32(value)}; }
inline I32 operator+(I32 a, I32 b) { return {_mm256_add_epi32(a.lanes, b.lanes)}; }
inline I32 operator-(I32 a, I32 b) { return {_mm256_sub_epi32(a.lanes, b.lanes)}; }
inline I32 operator&(I32 a, I32 b) { return {_mm256_and_si256(a.lanes, b.lanes)}; }
inline I32 operator^(I32 a, I32 b) { return {_mm256_xor_si256(a.lanes, b.lanes)}; }
inline I32 lane_index() { return {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)}; }
template <int kBits>
I32 shift_left(I32 a) {
  return {_mm256_slli_epi32(a.lanes, kBits)};
}
template <int kBits>
I32 shift_right(I32 a) {
  return {_mm256_srai_epi32(a.lanes, kBits)};
}
template <int kBits>
I32 shift_right_logical(I32 a) {
  return {_mm256_srli_epi32(a.lanes, kBits)};
}
template <int kBits>
I32 rotate_left(I32 a) {
  return {
      _mm256_or_si256(_mm256_slli_epi32(a.lanes, kBits), _mm256_srli_epi32(a.lanes, 32 - kBits))};
}
inline F32 to_f32(I32 a) { return {_mm256_cvtepi32_ps(a.lanes)}; }

// AVX2 shuffles operate within 128-bit halves. Swapping the middle quarters restores memory order.
inline F32 in_order(__m256 halves) {
  const __m256d quarters = _mm256_castps_pd(halves);
  return {_mm256_castpd_ps(_mm256_permute4x64_pd(quarters, _MM_SHUFFLE(3, 1, 2, 0)))};
}
inline F32 even_lanes(F32 a, F32 b) {
  return in_order(_mm256_shuffle_ps(a.lanes, b.lanes, _MM_SHUFFLE(2, 0, 2, 0)));
}
inline F32 odd_lanes(F32 a, F32 b) {
  return in_order(_mm256_shuffle_ps(a.lanes, b.lanes, _MM_SHUFFLE(3, 1, 3, 1)));
}
inline F32 interleave_low(F32 a, F32 b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.lanes, b.lanes),
                                 _mm256_unpackhi_ps(a.lanes, b.lanes), 0x20)};
}
inline F32 interleave_high(F32 a, F32 b) {
  return {_mm256_permute2f128_ps(_mm256_unpacklo_ps(a.lanes, b.lanes),
                                 _mm256_unpackhi_ps(a.lanes, b.lanes), 0x31)};
}

inline float max_lane(F32 a) {
  const __m128 of_4 =
      _mm_max_ps(_mm256_castps256_ps128(a.lanes), _mm256_extractf128_ps(a.lanes, 1));
  const __m128 of_2 = _mm_max_ps(of_4, _mm_movehl_ps(of_4, of_4));
  return _mm_cvtss_f32(_mm_max_ss(of_2, _mm_shuffle_ps(of_2, of_2, 1)));
}

// Lanes i and i + 4 share a double: two conversions and two additions per vector.
struct F64Sum {
  __m256d lanes;

  static F64Sum zero() { return {_mm256_setzero_pd()}; }
  void add(F32 a) {
    const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(a.lanes));
    const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(a.lanes, 1));
    lanes = _mm256_add_pd(lanes, _mm256_add_pd(low, high));
  }
  double total() const {
    const __m128d of_2 = _mm_add_pd(_mm256_castpd256_pd128(lanes), _mm256_extractf128_pd(lanes, 1));
    return _mm_cvtsd_f64(_mm_add_sd(of_2, _mm_unpackhi_pd(of_2, of_2)));
  }
};

struct F64Lanes {
  __m256d low, high;

  static F64Lanes zero() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
  static F64Lanes load(const double* p) { return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
  void add(F32 a) {
    low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(a.lanes)));
    high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(a.lanes, 1)));
  }
  void store(double* p) const {
    _mm256_storeu_pd(p, low);
    _mm256_storeu_pd(p + 4, high);
  }
};
