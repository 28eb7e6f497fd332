#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "support.h"

#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_AVX512
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#endif

namespace simd_avx512 {

// The vector type must come before the tests that use it.
// clang-format off
#include "simd/avx512.h"
constexpr bool kFuses = true;
TEST_SUITE_BEGIN("simd/avx512.h" * doctest::skip(batchnorm::find_kernels("avx512") == nullptr));
#include "simd_tests.inl.h"
TEST_SUITE_END();
// clang-format on

}  // namespace simd_avx512

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
