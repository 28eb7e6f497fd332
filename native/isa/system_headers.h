// What simd/ and kernels/ use from the system. Every header must come before an ISA's target region
// begins: an inline function compiled inside it would carry that ISA's instructions, and the linker
// may keep that copy for the whole binary, which then crashes on older processors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
