#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_AVX512
#include <immintrin.h>

// Only the code from here to the end of the target region may use AVX-512.
#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#endif

namespace batchnorm {
namespace avx512 {
namespace {

// The vector type must come before the kernels that use it.
// clang-format off
#include "simd/avx512.h"
#include "kernels/all.inl.h"
// clang-format on

constexpr Kernels kTable = table("avx512");

}  // namespace
}  // namespace avx512

const Kernels kAvx512Kernels = avx512::kTable;

}  // namespace batchnorm

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
