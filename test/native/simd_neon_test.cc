#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "support.h"

#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_NEON
#include <arm_neon.h>

namespace simd_neon {

// The vector type must come before the tests that use it.
// clang-format off
#include "simd/neon.h"
constexpr bool kFuses = true;
TEST_SUITE_BEGIN("simd/neon.h" * doctest::skip(batchnorm::find_kernels("neon") == nullptr));
#include "simd_tests.inl.h"
TEST_SUITE_END();
// clang-format on

}  // namespace simd_neon

#endif
