#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "support.h"

#include "isa/isa.h"
#include "isa/system_headers.h"

namespace simd_scalar {

// The vector type must come before the tests that use it.
// clang-format off
#include "simd/scalar.h"
constexpr bool kFuses = false;
TEST_SUITE_BEGIN("simd/scalar.h" * doctest::skip(batchnorm::find_kernels("scalar") == nullptr));
#include "simd_tests.inl.h"
TEST_SUITE_END();
// clang-format on

}  // namespace simd_scalar
