#include "fma_peak.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace bench {

namespace {

// Whoever looks at the result here keeps the compiler from leaving the loop out.
volatile float g_result;

#if defined(__x86_64__)
using Vector = __m256;
#define BENCH_TARGET __attribute__((target("avx2,fma")))
BENCH_TARGET inline Vector broadcast(float value) { return _mm256_set1_ps(value); }
BENCH_TARGET inline Vector mul_add(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
BENCH_TARGET inline float first(Vector a) { return _mm256_cvtss_f32(a); }
#elif defined(__aarch64__)
using Vector = float32x4_t;
#define BENCH_TARGET
inline Vector broadcast(float value) { return vdupq_n_f32(value); }
inline Vector mul_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
inline float first(Vector a) { return vgetq_lane_f32(a, 0); }
#else
using Vector = float;
#define BENCH_TARGET
inline Vector broadcast(float value) { return value; }
inline Vector mul_add(Vector a, Vector b, Vector c) { return a * b + c; }
inline float first(Vector a) { return a; }
#endif

}  // namespace

// Twelve chains: more than latency times throughput of any processor of today, and with the factors
// fewer than sixteen registers.
BENCH_TARGET size_t run_fused_multiply_adds(size_t steps) {
  constexpr size_t kChains = 12;
  const Vector factor = broadcast(0.999f);
  const Vector summand = broadcast(0.001f);
  Vector chains[kChains];
  for (size_t i = 0; i < kChains; i++) chains[i] = broadcast(static_cast<float>(i));
  for (size_t step = 0; step < steps; step++) {
#pragma GCC unroll 12
    for (size_t i = 0; i < kChains; i++) chains[i] = mul_add(chains[i], factor, summand);
  }
  float total = 0;
  for (size_t i = 0; i < kChains; i++) total += first(chains[i]);
  g_result = total;
  return steps * kChains * sizeof(Vector) / sizeof(float);
}

}  // namespace bench
