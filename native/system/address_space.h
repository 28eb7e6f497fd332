// Whether a large allocation would succeed, asked in advance: V8 aborts the process when its
// garbage collector cannot map memory, so the library must not take the last of the address space.
#pragma once

#include <cstddef>

namespace batchnorm {

// Whether malloc could provide `bytes` now and leave `reserve` bytes of address space to be mapped
// by others, within the limit of the process (ulimit -v). If malloc needs no further address space
// for them, three quarters of the reserve suffice. Always true on systems other than Linux.
bool has_room(size_t bytes, size_t reserve);

}  // namespace batchnorm
