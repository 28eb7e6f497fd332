// The system headers that simd/ and kernels/ use. They must be included before an ISA's target
// region begins: an inline function compiled inside it would contain that ISA's instructions, and
// the linker may keep that copy for the whole binary, which then crashes on older processors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

// For functions that are called for every row or vector. The more kernels a file contains, the
// fewer of them g++ inlines by itself, even tiny ones.
#if defined(_MSC_VER)
#define BATCHNORM_INLINE __forceinline
#elif defined(__GNUC__)
#define BATCHNORM_INLINE inline __attribute__((always_inline))
#else
#define BATCHNORM_INLINE inline
#endif
