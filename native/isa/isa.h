// The kernel tables of the ISAs that this binary contains: one per isa/*.cc that is compiled for
// the target architecture. Only dispatch.cc uses them.
#pragma once

#include "kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
#define BATCHNORM_HAS_AVX2 1
#define BATCHNORM_HAS_AVX512 1
#else
#define BATCHNORM_HAS_AVX2 0
#define BATCHNORM_HAS_AVX512 0
#endif

#if defined(__aarch64__) || defined(_M_ARM64)
#define BATCHNORM_HAS_NEON 1
#else
#define BATCHNORM_HAS_NEON 0
#endif

#if defined(__wasm_simd128__)
#define BATCHNORM_HAS_WASM128 1
#else
#define BATCHNORM_HAS_WASM128 0
#endif

// Every AArch64 processor has NEON, and an engine without SIMD rejects a WebAssembly module that
// contains it, so binaries for these need no other kernels.
#define BATCHNORM_HAS_SCALAR (!BATCHNORM_HAS_NEON && !BATCHNORM_HAS_WASM128)

namespace batchnorm {

#if BATCHNORM_HAS_SCALAR
extern const Kernels kScalarKernels;
#endif
#if BATCHNORM_HAS_AVX2
extern const Kernels kAvx2Kernels;
#endif
#if BATCHNORM_HAS_AVX512
extern const Kernels kAvx512Kernels;
#endif
#if BATCHNORM_HAS_NEON
extern const Kernels kNeonKernels;
#endif
#if BATCHNORM_HAS_WASM128
extern const Kernels kWasm128Kernels;
#endif

}  // namespace batchnorm
