// What simd/ and kernels/ use from the system. Every header must come before an ISA's target region
// begins: an inline function compiled inside it would carry that ISA's instructions, and the linker
// may keep that copy for the whole binary, which then crashes on older processors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

// For what every row or vector goes through: g++ inlines less of it the more kernels there are in
// one file, however small it is.
#if defined(_MSC_VER)
#define BATCHNORM_INLINE __forceinline
#elif defined(__GNUC__)
#define BATCHNORM_INLINE inline __attribute__((always_inline))
#else
#define BATCHNORM_INLINE inline
#endif
