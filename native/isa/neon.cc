#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_NEON
#include <arm_neon.h>

namespace batchnorm {
namespace neon {
namespace {

// The vector type must come before the kernels that use it.
// clang-format off
#include "simd/neon.h"
#include "kernels/all.inl.h"
// clang-format on

constexpr Kernels kTable = table("neon");

}  // namespace
}  // namespace neon

const Kernels kNeonKernels = neon::kTable;

}  // namespace batchnorm

#endif
