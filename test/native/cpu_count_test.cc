#include "system/cpu_count.h"

#include <string>

#include "support.h"

namespace {

size_t quota(const char* version) {
  const std::string root = std::string(TEST_FIXTURES) + "/" + version;
  return batchnorm::cgroup_cpu_quota(root.c_str(), (root + "/membership").c_str());
}

}  // namespace

TEST_CASE("cgroup_cpu_quota, version 2: the parent's 1.5 processors bind, rounded up") {
  CHECK(quota("cgroup-v2") == 2);
}

TEST_CASE("cgroup_cpu_quota, version 2: the group's 3 processors bind, its parent has 8") {
  CHECK(quota("cgroup-v2-group") == 3);
}

TEST_CASE("cgroup_cpu_quota, version 1: the group's 4 processors, the root has no limit") {
  CHECK(quota("cgroup-v1") == 4);
}

TEST_CASE("cgroup_cpu_quota: none where nothing is mounted") { CHECK(quota("missing") == 0); }

TEST_CASE("usable_cpus: at least one") { CHECK(batchnorm::usable_cpus() >= 1); }
