// operator new and delete of the addon itself. With them it needs nothing of a C++ run-time
// library, whose version would then have to be on every user's machine. Not for macOS, where that
// library is part of the system, nor for Visual C++, which links it statically.
#if defined(__GNUC__) && !defined(__APPLE__)
#include <cstdlib>
#include <new>

#include "system/test_hooks.h"

void* operator new(size_t bytes) {
  void* memory = batchnorm::fails_here() ? nullptr : std::malloc(bytes > 0 ? bytes : 1);
  // Only a few bytes are ever asked for in this way; there is no exception to throw.
  if (memory == nullptr) std::abort();
  return memory;
}

void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
#endif
