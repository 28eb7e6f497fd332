#include "system/address_space.h"

#include "system/test_hooks.h"

#if defined(__linux__)
#include <sys/mman.h>

#include <cstdlib>
#endif

#if defined(__GLIBC__)
// Weak, because the same binary also runs with musl, which has no such function.
extern "C" int malloc_trim(size_t) __attribute__((weak));
#endif

namespace batchnorm {

#if defined(__linux__)

namespace {

// Touches no page, so no physical memory is used. The reserve is mapped during the attempt, because
// glibc reserves 64 MiB for another arena when malloc fails, and keeps them.
bool can_allocate(size_t bytes, size_t reserve) {
  void* reserved =
      mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return false;
  // Volatile, because compilers remove a malloc whose block is only freed.
  void* volatile block = fails_here() ? nullptr : std::malloc(bytes);
  const bool allocated = block != nullptr;
  std::free(block);
  munmap(reserved, reserve);
  return allocated && !fails_here();
}

}  // namespace

bool has_room(size_t bytes, size_t reserve) {
  if (can_allocate(bytes, reserve)) return true;
#if defined(__GLIBC__)
  // glibc keeps freed address space, which V8 cannot use for its own pages.
  if (malloc_trim != nullptr) {
    malloc_trim(0);
    return can_allocate(bytes, reserve);
  }
#endif
  return false;
}

#else

bool has_room(size_t, size_t) { return true; }

#endif

}  // namespace batchnorm
