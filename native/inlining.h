// Which functions become part of their callers, where the compiler's own choice is slow.
#pragma once

// BATCHNORM_INLINE is for functions that are called for every row or vector. The longer a file, the
// fewer of them g++ inlines by itself, even tiny ones.
//
// BATCHNORM_NOINLINE is for loops that need many registers: as a part of a long function they would
// read their pointers from the stack.
#if defined(_MSC_VER)
#define BATCHNORM_INLINE __forceinline
#define BATCHNORM_NOINLINE __declspec(noinline)
#elif defined(__GNUC__)
#define BATCHNORM_INLINE inline __attribute__((always_inline))
#define BATCHNORM_NOINLINE __attribute__((noinline))
#else
#define BATCHNORM_INLINE inline
#define BATCHNORM_NOINLINE
#endif
