#include "floors.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "dispatch.h"
#include "system/cpu_features.h"
#include "system/thread_pool.h"

namespace bench {

namespace {

// A sink that keeps sums from being optimized away. Threads share its cache line, since each writes it only
// once per pass.
volatile float sink;

#if defined(__x86_64__)

#define VECTORIZED __attribute__((target("avx2,fma")))
constexpr size_t kStep = 32;

VECTORIZED void copy_plain(const float* x, const float*, float* z, size_t begin, size_t end) {
  size_t i = begin;
  for (; i + kStep <= end; i += kStep) {
    for (size_t k = 0; k < kStep; k += 8) _mm256_storeu_ps(z + i + k, _mm256_loadu_ps(x + i + k));
  }
  for (; i < end; i++) z[i] = x[i];
}

VECTORIZED void copy_streaming(const float* x, const float*, float* z, size_t begin, size_t end) {
  size_t i = begin;
  for (; i < end && reinterpret_cast<size_t>(z + i) % 32 != 0; i++) z[i] = x[i];
  for (; i + kStep <= end; i += kStep) {
    for (size_t k = 0; k < kStep; k += 8) _mm256_stream_ps(z + i + k, _mm256_loadu_ps(x + i + k));
  }
  for (; i < end; i++) z[i] = x[i];
}

VECTORIZED void triad_plain(const float* x, const float* y, float* z, size_t begin, size_t end) {
  const __m256 a = _mm256_set1_ps(1.5f);
  size_t i = begin;
  for (; i + kStep <= end; i += kStep) {
    for (size_t k = 0; k < kStep; k += 8) {
      _mm256_storeu_ps(
          z + i + k, _mm256_fmadd_ps(a, _mm256_loadu_ps(x + i + k), _mm256_loadu_ps(y + i + k)));
    }
  }
  for (; i < end; i++) z[i] = 1.5f * x[i] + y[i];
}

VECTORIZED void triad_streaming(const float* x, const float* y, float* z, size_t begin,
                                size_t end) {
  const __m256 a = _mm256_set1_ps(1.5f);
  size_t i = begin;
  for (; i < end && reinterpret_cast<size_t>(z + i) % 32 != 0; i++) z[i] = 1.5f * x[i] + y[i];
  for (; i + kStep <= end; i += kStep) {
    for (size_t k = 0; k < kStep; k += 8) {
      _mm256_stream_ps(
          z + i + k, _mm256_fmadd_ps(a, _mm256_loadu_ps(x + i + k), _mm256_loadu_ps(y + i + k)));
    }
  }
  for (; i < end; i++) z[i] = 1.5f * x[i] + y[i];
}

VECTORIZED void read(const float* x, const float*, float*, size_t begin, size_t end) {
  __m256 sums[8] = {};
  size_t i = begin;
  for (; i + 64 <= end; i += 64) {
    for (size_t k = 0; k < 8; k++) sums[k] = _mm256_add_ps(sums[k], _mm256_loadu_ps(x + i + 8 * k));
  }
  __m256 sum = sums[0];
  for (size_t k = 1; k < 8; k++) sum = _mm256_add_ps(sum, sums[k]);
  float lanes[8];
  _mm256_storeu_ps(lanes, sum);
  float total = 0;
  for (float lane : lanes) total += lane;
  for (; i < end; i++) total += x[i];
  sink = total;
}

#define WIDE __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))

WIDE void copy_wide(const float* x, const float*, float* z, size_t begin, size_t end) {
  size_t i = begin;
  for (; i + 64 <= end; i += 64) {
    for (size_t k = 0; k < 64; k += 16) _mm512_storeu_ps(z + i + k, _mm512_loadu_ps(x + i + k));
  }
  for (; i < end; i++) z[i] = x[i];
}

WIDE void copy_wide_streaming(const float* x, const float*, float* z, size_t begin, size_t end) {
  size_t i = begin;
  for (; i < end && reinterpret_cast<size_t>(z + i) % 64 != 0; i++) z[i] = x[i];
  for (; i + 64 <= end; i += 64) {
    for (size_t k = 0; k < 64; k += 16) _mm512_stream_ps(z + i + k, _mm512_loadu_ps(x + i + k));
  }
  for (; i < end; i++) z[i] = x[i];
}

WIDE void triad_wide(const float* x, const float* y, float* z, size_t begin, size_t end) {
  const __m512 a = _mm512_set1_ps(1.5f);
  size_t i = begin;
  for (; i + 64 <= end; i += 64) {
    for (size_t k = 0; k < 64; k += 16) {
      _mm512_storeu_ps(
          z + i + k, _mm512_fmadd_ps(a, _mm512_loadu_ps(x + i + k), _mm512_loadu_ps(y + i + k)));
    }
  }
  for (; i < end; i++) z[i] = 1.5f * x[i] + y[i];
}

WIDE void triad_wide_streaming(const float* x, const float* y, float* z, size_t begin, size_t end) {
  const __m512 a = _mm512_set1_ps(1.5f);
  size_t i = begin;
  for (; i < end && reinterpret_cast<size_t>(z + i) % 64 != 0; i++) z[i] = 1.5f * x[i] + y[i];
  for (; i + 64 <= end; i += 64) {
    for (size_t k = 0; k < 64; k += 16) {
      _mm512_stream_ps(
          z + i + k, _mm512_fmadd_ps(a, _mm512_loadu_ps(x + i + k), _mm512_loadu_ps(y + i + k)));
    }
  }
  for (; i < end; i++) z[i] = 1.5f * x[i] + y[i];
}

WIDE void read_wide(const float* x, const float*, float*, size_t begin, size_t end) {
  __m512 sums[8] = {};
  size_t i = begin;
  for (; i + 128 <= end; i += 128) {
    for (size_t k = 0; k < 8; k++) {
      sums[k] = _mm512_add_ps(sums[k], _mm512_loadu_ps(x + i + 16 * k));
    }
  }
  __m512 sum = sums[0];
  for (size_t k = 1; k < 8; k++) sum = _mm512_add_ps(sum, sums[k]);
  float lanes[16];
  _mm512_storeu_ps(lanes, sum);
  float total = 0;
  for (float lane : lanes) total += lane;
  for (; i < end; i++) total += x[i];
  sink = total;
}

#else

void copy_plain(const float* x, const float*, float* z, size_t begin, size_t end) {
  std::memcpy(z + begin, x + begin, (end - begin) * sizeof(float));
}

void copy_streaming(const float* x, const float* y, float* z, size_t begin, size_t end) {
  copy_plain(x, y, z, begin, end);
}

void triad_plain(const float* x, const float* y, float* z, size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) z[i] = 1.5f * x[i] + y[i];
}

void triad_streaming(const float* x, const float* y, float* z, size_t begin, size_t end) {
  triad_plain(x, y, z, begin, end);
}

void read(const float* x, const float*, float*, size_t begin, size_t end) {
  float sums[32] = {};
  size_t i = begin;
  for (; i + 32 <= end; i += 32) {
    for (size_t k = 0; k < 32; k++) sums[k] += x[i + k];
  }
  float total = 0;
  for (float each : sums) total += each;
  for (; i < end; i++) total += x[i];
  sink = total;
}

#endif

}  // namespace

std::vector<FloorLoop> copy_loops() {
  std::vector<FloorLoop> loops = {{"plain", copy_plain}, {"streaming", copy_streaming}};
#if defined(__x86_64__)
  if (batchnorm::cpu_has_avx512()) {
    loops.push_back({"wide", copy_wide});
    loops.push_back({"wide streaming", copy_wide_streaming});
  }
#endif
  return loops;
}

std::vector<FloorLoop> triad_loops() {
  std::vector<FloorLoop> loops = {{"plain", triad_plain}, {"streaming", triad_streaming}};
#if defined(__x86_64__)
  if (batchnorm::cpu_has_avx512()) {
    loops.push_back({"wide", triad_wide});
    loops.push_back({"wide streaming", triad_wide_streaming});
  }
#endif
  return loops;
}

std::vector<FloorLoop> read_loops() {
  std::vector<FloorLoop> loops = {{"plain", read}};
#if defined(__x86_64__)
  if (batchnorm::cpu_has_avx512()) loops.push_back({"wide", read_wide});
#endif
  return loops;
}

void run_floor(const FloorLoop& loop, const float* x, const float* y, float* z, size_t n,
               size_t threads) {
  // Only once: CPUID exits a virtual machine, which takes longer than a small copy.
  static const batchnorm::Kernels& kernels = batchnorm::best_kernels();
  auto task = [&](size_t index, size_t) {
    const size_t begin = n * index / threads / 16 * 16;
    const size_t end = index + 1 == threads ? n : n * (index + 1) / threads / 16 * 16;
    loop.run(x, y, z, begin, end);
    kernels.stream_fence();
  };
  batchnorm::parallel_for(threads, threads, task);
}

}  // namespace bench
