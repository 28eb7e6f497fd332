#include "system/cache_size.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

namespace batchnorm {

namespace {

#if defined(__linux__)
// Not sysconf, which knows no cache sizes in musl and often returns 0 in glibc on arm64.
bool read_text(int index, const char* name, char (&text)[64]) {
  char path[128];
  std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, name);
  std::FILE* stream = std::fopen(path, "re");
  if (stream == nullptr) return false;
  const bool read = std::fgets(text, sizeof text, stream) != nullptr;
  std::fclose(stream);
  return read;
}

void read_sysfs(CacheSizes& sizes) {
  for (int index = 0; index < 8; index++) {
    char level_text[64];
    char type[64];
    char size_text[64];
    if (!read_text(index, "level", level_text) || !read_text(index, "type", type) ||
        !read_text(index, "size", size_text)) {
      return;
    }
    int level = 0;
    size_t size = 0;
    char unit = 'K';
    if (std::sscanf(level_text, "%d", &level) != 1) continue;
    if (std::sscanf(size_text, "%zu%c", &size, &unit) < 1) continue;
    if (size == 0 || std::strncmp(type, "Instruction", 11) == 0) continue;
    size *= unit == 'M' ? 1024 * 1024 : 1024;
    if (level == 1) sizes.l1 = size;
    if (level == 2) sizes.l2 = size;
    sizes.last = std::max(sizes.last, size);
  }
}
#endif

#if defined(__x86_64__) && defined(__GNUC__)
// In virtual machines sysfs may list no caches, and the CPUID leaves that describe each cache (4
// and 0x8000001d) may be empty. AMD processors still report sizes in two older leaves, 0x80000005
// and 0x80000006 (AMD64 Architecture Programmer's Manual, volume 3, appendix E).
void read_cpuid(CacheSizes& sizes) {
  for (const unsigned leaf : {0x4u, 0x8000001du}) {
    for (unsigned index = 0; index < 8; index++) {
      unsigned a = 0, b = 0, c = 0, d = 0;
      if (__get_cpuid_count(leaf, index, &a, &b, &c, &d) == 0 || (a & 31) == 0) break;
      constexpr unsigned kInstructions = 2;
      if ((a & 31) == kInstructions) continue;
      const size_t ways = (b >> 22) + 1;
      const size_t partitions = (b >> 12 & 1023) + 1;
      const size_t line = (b & 4095) + 1;
      const size_t size = ways * partitions * line * (static_cast<size_t>(c) + 1);
      const unsigned level = a >> 5 & 7;
      if (level == 1) sizes.l1 = size;
      if (level == 2) sizes.l2 = size;
      sizes.last = std::max(sizes.last, size);
    }
    if (sizes.last != 0) return;
  }
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0x80000005, &a, &b, &c, &d) != 0 && c >> 24 != 0) {
    sizes.l1 = static_cast<size_t>(c >> 24) * 1024;
  }
  if (__get_cpuid(0x80000006, &a, &b, &c, &d) != 0 && c >> 16 != 0) {
    sizes.l2 = static_cast<size_t>(c >> 16) * 1024;
    // The leaf reports the sum of all third-level caches of the package. A core uses one of them,
    // which has had 16 or 32 MiB since 2019.
    constexpr size_t kMaxPerCore = 32 * 1024 * 1024;
    sizes.last = std::max(sizes.l2, std::min<size_t>((d >> 18) * size_t{512 * 1024}, kMaxPerCore));
  }
}
#endif

CacheSizes read() {
  CacheSizes sizes = {32 * 1024, 512 * 1024, 0};
#if defined(__linux__)
  read_sysfs(sizes);
#endif
#if defined(__x86_64__) && defined(__GNUC__)
  if (sizes.last == 0) read_cpuid(sizes);
#endif
  if (sizes.last == 0) sizes.last = 8 * 1024 * 1024;
  return sizes;
}

// Read while the library is loaded, which happens once per process and on one thread, regardless of
// the number of workers.
CacheSizes sizes_of_this_machine = read();

}  // namespace

const CacheSizes& cache_sizes() { return sizes_of_this_machine; }

void set_cache_sizes(const CacheSizes& sizes) { sizes_of_this_machine = sizes; }

}  // namespace batchnorm
