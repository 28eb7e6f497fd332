#include "system/cpu_features.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(_M_X64)
#include <intrin.h>
#endif

namespace batchnorm {

#if defined(__x86_64__) || defined(_M_X64)

namespace {

struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(uint32_t leaf) {
#if defined(__x86_64__)
  Registers r = {};
  if (__get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
#else
  int values[4];
  __cpuid(values, 0);
  if (static_cast<uint32_t>(values[0]) < leaf) return {};
  __cpuidex(values, static_cast<int>(leaf), 0);
  return {static_cast<uint32_t>(values[0]), static_cast<uint32_t>(values[1]),
          static_cast<uint32_t>(values[2]), static_cast<uint32_t>(values[3])};
#endif
}

// XCR0: the register sets that the operating system saves at a context switch.
uint64_t saved_registers() {
#if defined(__x86_64__)
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#else
  return _xgetbv(0);
#endif
}

}  // namespace

bool cpu_has_avx2_and_fma() {
  constexpr uint32_t kFma = 1u << 12;      // leaf 1, ecx
  constexpr uint32_t kOsxsave = 1u << 27;  // leaf 1, ecx
  constexpr uint32_t kAvx2 = 1u << 5;      // leaf 7, ebx
  constexpr uint64_t kXmmAndYmm = 0x6;

  const uint32_t ecx = cpuid(1).ecx;
  if ((ecx & kFma) == 0 || (ecx & kOsxsave) == 0) return false;
  if ((cpuid(7).ebx & kAvx2) == 0) return false;
  return (saved_registers() & kXmmAndYmm) == kXmmAndYmm;
}

bool cpu_has_avx512() {
  // Leaf 7, ebx: F, DQ, BW and VL.
  constexpr uint32_t kSubsets = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);
  // The mask registers, the upper halves of registers 0 to 15, and registers 16 to 31.
  constexpr uint64_t kMasksAndZmm = 0xe0;

  if (!cpu_has_avx2_and_fma()) return false;
  if ((cpuid(7).ebx & kSubsets) != kSubsets) return false;
  return (saved_registers() & kMasksAndZmm) == kMasksAndZmm;
}

#else

bool cpu_has_avx2_and_fma() { return false; }
bool cpu_has_avx512() { return false; }

#endif

}  // namespace batchnorm
