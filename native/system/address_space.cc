#include "system/address_space.h"

#include "system/test_hooks.h"

#if defined(__linux__)
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#endif

#if defined(__GLIBC__)
// Weak, because the same binary also runs with musl, which has no such function.
extern "C" int malloc_trim(size_t) __attribute__((weak));
#endif

namespace batchnorm {

#if defined(__linux__)

namespace {

enum class Source { kAny, kFreedMemory };

// The address space of this process in pages; 0 if unknown.
size_t mapped_pages() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  size_t pages = 0;
  if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
  std::fclose(file);
  return pages;
}

// Touches no page, so no physical memory is used. The reserve is mapped during the attempt, because
// glibc reserves 64 MiB for another arena when malloc fails, and keeps them.
bool can_allocate(size_t bytes, size_t reserve, Source source) {
  void* reserved =
      mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return false;
  const size_t before = source == Source::kFreedMemory ? mapped_pages() : 0;
  // Volatile, because compilers remove a malloc whose block is only freed.
  void* volatile block = fails_here() ? nullptr : std::malloc(bytes);
  const bool allocated = block != nullptr;
  const bool reused = source == Source::kAny || mapped_pages() <= before;
  std::free(block);
  munmap(reserved, reserve);
  return allocated && reused && !fails_here();
}

}  // namespace

bool has_room(size_t bytes, size_t reserve) {
  if (can_allocate(bytes, reserve, Source::kAny)) return true;
#if defined(__GLIBC__)
  // glibc keeps freed address space, which V8 cannot use for its own pages.
  if (malloc_trim != nullptr) {
    malloc_trim(0);
    if (can_allocate(bytes, reserve, Source::kAny)) return true;
  }
#endif
  // Less than the reserve is left. A block from freed memory takes nothing of it; without this,
  // nothing could be allocated again after small blocks have taken everything and were freed.
  return can_allocate(bytes, reserve - reserve / 4, Source::kFreedMemory);
}

#else

bool has_room(size_t, size_t) { return true; }

#endif

}  // namespace batchnorm
