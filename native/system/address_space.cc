#include "system/address_space.h"

#include "system/test_hooks.h"

#if defined(__linux__)
#include <sys/mman.h>

#include <cstdlib>
#endif

#if defined(__GLIBC__)
// Weak: the same binary runs where there is another C library, which has no such function.
extern "C" int malloc_trim(size_t) __attribute__((weak));
#endif

namespace batchnorm {

#if defined(__linux__)

namespace {

// Nothing is touched, so no page is made. What is to be left is held meanwhile: where malloc fails,
// glibc reserves 64 MiB for another arena if it finds as much, and keeps them.
bool can_allocate(size_t bytes, size_t left) {
  void* rest = mmap(nullptr, left, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (rest == MAP_FAILED) return false;
  // Volatile: compilers leave out a malloc whose block is only freed, and assume its success.
  void* volatile block = fails_here() ? nullptr : std::malloc(bytes);
  const bool allocated = block != nullptr;
  std::free(block);
  munmap(rest, left);
  return allocated && !fails_here();
}

}  // namespace

bool has_room(size_t bytes, size_t left) {
  if (can_allocate(bytes, left)) return true;
#if defined(__GLIBC__)
  // glibc keeps address space that was freed, which V8 cannot use for its own pages.
  if (malloc_trim != nullptr) {
    malloc_trim(0);
    return can_allocate(bytes, left);
  }
#endif
  return false;
}

#else

bool has_room(size_t, size_t) { return true; }

#endif

}  // namespace batchnorm
