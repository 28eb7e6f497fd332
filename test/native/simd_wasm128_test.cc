#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "support.h"

#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_WASM128
#include <wasm_simd128.h>

namespace simd_wasm128 {

// The vector type must come before the tests that use it.
// clang-format off
#include "simd/wasm128.h"
constexpr bool kFuses = false;
TEST_SUITE_BEGIN("simd/wasm128.h" * doctest::skip(batchnorm::find_kernels("wasm128") == nullptr));
#include "simd_tests.inl.h"
TEST_SUITE_END();
// clang-format on

}  // namespace simd_wasm128

#endif
