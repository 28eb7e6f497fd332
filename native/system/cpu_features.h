#pragma once

namespace batchnorm {

// AVX2 and FMA in the processor, and an operating system that saves their registers.
bool cpu_has_avx2_and_fma();

}  // namespace batchnorm
