#include "isa/isa.h"
#include "isa/system_headers.h"

#if BATCHNORM_HAS_WASM128
#include <wasm_simd128.h>

namespace batchnorm {
namespace wasm128 {
namespace {

// The vector type must come before the kernels that use it.
// clang-format off
#include "simd/wasm128.h"
#include "kernels/all.inl.h"
// clang-format on

constexpr Kernels kTable = table("wasm128");

}  // namespace
}  // namespace wasm128

const Kernels kWasm128Kernels = wasm128::kTable;

}  // namespace batchnorm

#endif
