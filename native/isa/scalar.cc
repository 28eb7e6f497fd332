#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_SCALAR

// Optimized for size: few processors have none of the other ISAs.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")
#endif

namespace batchnorm {
namespace scalar {
namespace {

// The vector type must come before the kernels that use it.
// clang-format off
#include "simd/scalar.h"
#include "kernels/all.inl.h"
// clang-format on

constexpr Kernels kTable = table("scalar");

}  // namespace
}  // namespace scalar

const Kernels kScalarKernels = scalar::kTable;

}  // namespace batchnorm

#endif
