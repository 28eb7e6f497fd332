// The number of processors that this process may use, which limits the number of threads.
#pragma once

#include <cstddef>

namespace batchnorm {

// The number of processors in the affinity mask of this process, limited by its cgroup's quota (v1
// or v2); at least 1.
size_t usable_cpus();

// Only the quota, rounded up to whole processors; 0 if there is none. `cgroup_root` is the mount
// point of the cgroup file systems, `membership` the file that lists the groups of the process.
size_t cgroup_cpu_quota(const char* cgroup_root, const char* membership);

}  // namespace batchnorm
