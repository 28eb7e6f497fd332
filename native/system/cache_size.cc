#include "system/cache_size.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace batchnorm {

namespace {

#if defined(__linux__)
// sysfs rather than sysconf: musl knows no cache sizes, and glibc on arm64 often answers 0.
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

CacheSizes read() {
  CacheSizes sizes = {32 * 1024, 512 * 1024, 0};
#if defined(__linux__)
  read_sysfs(sizes);
#endif
  if (sizes.last == 0) sizes.last = 8 * 1024 * 1024;
  return sizes;
}

// Read while the library is loaded, which happens once and on one thread, whatever number of
// workers uses it afterwards.
CacheSizes sizes_of_this_machine = read();

}  // namespace

const CacheSizes& cache_sizes() { return sizes_of_this_machine; }

void set_cache_sizes(const CacheSizes& sizes) { sizes_of_this_machine = sizes; }

}  // namespace batchnorm
