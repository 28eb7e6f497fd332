#include "fma_peak.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "system/cpu_features.h"

namespace bench {

namespace {

// A sink for the result, so that the compiler does not remove the loop.
volatile float g_result;

#if defined(__x86_64__)

namespace bits_512 {
using Vector = __m512;
#define BENCH_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
BENCH_TARGET inline Vector broadcast(float value) { return _mm512_set1_ps(value); }
BENCH_TARGET inline Vector mul_add(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
BENCH_TARGET inline float first(Vector a) { return _mm512_cvtss_f32(a); }
#include "fma_chains.inl.h"
#undef BENCH_TARGET
}  // namespace bits_512

using Vector = __m256;
#define BENCH_TARGET __attribute__((target("avx2,fma")))
BENCH_TARGET inline Vector broadcast(float value) { return _mm256_set1_ps(value); }
BENCH_TARGET inline Vector mul_add(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
BENCH_TARGET inline float first(Vector a) { return _mm256_cvtss_f32(a); }

#else

#define BENCH_TARGET
#if defined(__aarch64__)
using Vector = float32x4_t;
inline Vector broadcast(float value) { return vdupq_n_f32(value); }
inline Vector mul_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
inline float first(Vector a) { return vgetq_lane_f32(a, 0); }
#else
using Vector = float;
inline Vector broadcast(float value) { return value; }
inline Vector mul_add(Vector a, Vector b, Vector c) { return a * b + c; }
inline float first(Vector a) { return a; }
#endif

#endif

#include "fma_chains.inl.h"

}  // namespace

size_t run_fused_multiply_adds(size_t steps) {
#if defined(__x86_64__)
  static const bool wide = batchnorm::cpu_has_avx512();
  if (wide) return bits_512::run_chains(steps);
#endif
  return run_chains(steps);
}

}  // namespace bench
