// The system headers that simd/ and kernels/ use. They must be included before an ISA's target
// region begins: an inline function compiled inside it would contain that ISA's instructions, and
// the linker may keep that copy for the whole binary, which then crashes on older processors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "inlining.h"
