#pragma once

#include <cstddef>

namespace batchnorm {

// Whether a block of so many bytes could be allocated at this moment and would leave so much
// address space to whoever maps his pages himself, within the limit of the process (ulimit -v).
// True where the system cannot be asked.
bool has_room(size_t bytes, size_t left);

}  // namespace batchnorm
