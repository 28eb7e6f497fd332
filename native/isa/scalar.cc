#include "isa/isa.h"
#include "isa/system_headers.h"

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
