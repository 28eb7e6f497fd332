#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_AVX2
#include <immintrin.h>

// Only the code from here to the end of the target region may use AVX2 and FMA.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace batchnorm {
namespace avx2 {
namespace {

// The vector type must come before the kernels that use it.
// clang-format off
#include "simd/avx2.h"
#include "kernels/all.inl.h"
// clang-format on

constexpr Kernels kTable = table("avx2");

}  // namespace
}  // namespace avx2

const Kernels kAvx2Kernels = avx2::kTable;

}  // namespace batchnorm

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif

#endif
