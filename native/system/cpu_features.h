// Which instruction sets processor and operating system support; dispatch.cc chooses by them.
#pragma once

namespace batchnorm {

// Whether the processor has AVX2 and FMA and the operating system saves their registers.
bool cpu_has_avx2_and_fma();

// Whether AVX-512 F, DQ, BW and VL can be used, too. All processors with AVX-512 except Knights
// Landing and Knights Mill have these subsets.
bool cpu_has_avx512();

}  // namespace batchnorm
