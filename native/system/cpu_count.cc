#include "system/cpu_count.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sched.h>
#elif defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif

namespace batchnorm {

namespace {

constexpr size_t kLine = 4096;

// Reads the first line of the file root + group + "/" + file; false if it cannot be read.
bool read_line(const char* root, const char* group, const char* file, char (&line)[kLine]) {
  char path[2 * kLine];
  const int length = std::snprintf(path, sizeof path, "%s%s/%s", root, group, file);
  if (length < 0 || static_cast<size_t>(length) >= sizeof path) return false;
  std::FILE* stream = std::fopen(path, "re");
  if (stream == nullptr) return false;
  const bool read = std::fgets(line, sizeof line, stream) != nullptr;
  std::fclose(stream);
  return read;
}

size_t whole_cpus(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<size_t>((quota + period - 1) / period);
}

// The smaller quota, where 0 means none.
size_t min_quota(size_t a, size_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

// cpu.max holds "QUOTA PERIOD" in microseconds, or "max PERIOD".
size_t quota_v2(const char* root, const char* group) {
  char line[kLine];
  if (!read_line(root, group, "cpu.max", line)) return 0;
  long long quota = 0;
  long long period = 0;
  if (std::sscanf(line, "%lld %lld", &quota, &period) != 2) return 0;
  return whole_cpus(quota, period);
}

size_t quota_v1(const char* root, const char* group) {
  char cpu_root[kLine];
  std::snprintf(cpu_root, sizeof cpu_root, "%s/cpu", root);
  char quota[kLine];
  char period[kLine];
  if (!read_line(cpu_root, group, "cpu.cfs_quota_us", quota)) return 0;
  if (!read_line(cpu_root, group, "cpu.cfs_period_us", period)) return 0;
  return whole_cpus(std::strtoll(quota, nullptr, 10), std::strtoll(period, nullptr, 10));
}

// A quota also limits every group below it. Inside a container the path of the group may not exist,
// but the root of the mount does.
template <class Quota>
size_t min_quota_up_to_root(const char* root, char* group, Quota quota) {
  size_t smallest = quota(root, "");
  for (char* end = group + std::strlen(group); end > group; end = std::strrchr(group, '/')) {
    *end = '\0';
    smallest = min_quota(smallest, quota(root, group));
    if (std::strrchr(group, '/') == nullptr) break;
  }
  return smallest;
}

bool names_cpu(const char* controllers, const char* end) {
  for (const char* name = controllers; name < end;) {
    const char* stop = std::find(name, end, ',');
    if (stop - name == 3 && std::strncmp(name, "cpu", 3) == 0) return true;
    name = stop + (stop < end ? 1 : 0);
    if (stop == end) break;
  }
  return false;
}

}  // namespace

size_t cgroup_cpu_quota(const char* cgroup_root, const char* membership) {
  std::FILE* stream = std::fopen(membership, "re");
  if (stream == nullptr) return 0;
  size_t quota = 0;
  char line[kLine];
  // Lines are "ID:CONTROLLERS:PATH"; version 2 has ID 0 and no controllers.
  while (std::fgets(line, sizeof line, stream) != nullptr) {
    line[std::strcspn(line, "\n")] = '\0';
    char* controllers = std::strchr(line, ':');
    if (controllers == nullptr) continue;
    controllers++;
    char* path = std::strchr(controllers, ':');
    if (path == nullptr) continue;
    const char* end = path;
    path++;
    if (controllers == end && std::strncmp(line, "0:", 2) == 0) {
      quota = min_quota(quota, min_quota_up_to_root(cgroup_root, path, quota_v2));
    } else if (names_cpu(controllers, end)) {
      quota = min_quota(quota, min_quota_up_to_root(cgroup_root, path, quota_v1));
    }
  }
  std::fclose(stream);
  return quota;
}

size_t usable_cpus() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  size_t cpus = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cpus = static_cast<size_t>(CPU_COUNT(&set));
  const size_t quota = cgroup_cpu_quota("/sys/fs/cgroup", "/proc/self/cgroup");
  if (quota > 0) cpus = std::min(cpus, quota);
#elif defined(_WIN32)
  // The masks are empty if the process uses several groups of 64 processors.
  DWORD_PTR process = 0;
  DWORD_PTR machine = 0;
  GetProcessAffinityMask(GetCurrentProcess(), &process, &machine);
  size_t cpus = 0;
  for (; process != 0; process &= process - 1) cpus++;
  if (cpus == 0) cpus = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
#else
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  size_t cpus = online > 0 ? static_cast<size_t>(online) : 1;
#endif
  return std::max<size_t>(cpus, 1);
}

}  // namespace batchnorm
