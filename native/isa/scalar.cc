#include "isa/isa.h"
#include "isa/system_headers.h"

// For processors without any of the other ISAs, of which there are few: small, not unrolled.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")
#endif

namespace batchnorm {
namespace scalar {

// The vector type must come before the kernels written over it.
// clang-format off
#include "simd/scalar.h"
#include "kernels/all.inl.h"
// clang-format on

constexpr Kernels kTable = table("scalar");

}  // namespace scalar

const Kernels kScalarKernels = scalar::kTable;

}  // namespace batchnorm
