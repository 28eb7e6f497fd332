#pragma once

#include <cstddef>

namespace batchnorm {

// Processors that this process may use: its affinity, cut to its cgroup's quota (v1 or v2), at
// least 1.
size_t usable_cpus();

// The quota alone, rounded up to whole processors, 0 for none. `cgroup_root` is the mount point of
// the cgroup file systems, `membership` the file that says which group a process is in.
size_t cgroup_cpu_quota(const char* cgroup_root, const char* membership);

}  // namespace batchnorm
