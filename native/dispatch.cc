#include "dispatch.h"

#include <cstring>

#include "isa/isa.h"
#include "system/cpu_features.h"

namespace batchnorm {

namespace {

struct Candidate {
  const Kernels* kernels;
  bool (*supported)();
};

bool always() { return true; }

// Fastest first. A new ISA adds one line here.
const Candidate kCandidates[] = {
#if BATCHNORM_HAS_AVX512
    {&kAvx512Kernels, cpu_has_avx512},
#endif
#if BATCHNORM_HAS_AVX2
    {&kAvx2Kernels, cpu_has_avx2_and_fma},
#endif
#if BATCHNORM_HAS_NEON
    {&kNeonKernels, always},  // part of every AArch64 processor
#endif
#if BATCHNORM_HAS_WASM128
    {&kWasm128Kernels, always},
#endif
#if BATCHNORM_HAS_SCALAR
    {&kScalarKernels, always},
#endif
};

}  // namespace

const Kernels& best_kernels() {
  const Candidate* candidate = kCandidates;
  while (!candidate->supported()) candidate++;  // the last one always is
  return *candidate->kernels;
}

const Kernels* find_kernels(const char* isa) {
  for (const Candidate& candidate : kCandidates) {
    if (std::strcmp(candidate.kernels->isa, isa) == 0 && candidate.supported()) {
      return candidate.kernels;
    }
  }
  return nullptr;
}

}  // namespace batchnorm
