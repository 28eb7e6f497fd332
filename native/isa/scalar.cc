#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_SCALAR

// Few processors have none of the other ISAs.
#include "optimize_for_size.h"

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
