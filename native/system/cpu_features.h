#pragma once

namespace batchnorm {

// AVX2 and FMA in the processor, and an operating system that saves their registers.
bool cpu_has_avx2_and_fma();

// AVX-512 F, DQ, BW and VL besides; all but the first generation of such processors have them.
bool cpu_has_avx512();

}  // namespace batchnorm
