#include "system/cpu_count.h"

#include <string>

#include "support.h"

namespace {

size_t quota(const char* version) {
  const std::string root = std::string(TEST_FIXTURES) + "/" + version;
  return batchnorm::cgroup_cpu_quota(root.c_str(), (root + "/membership").c_str());
}

}  // namespace

TEST_CASE(
    "cgroup_cpu_quota, version 2: the parent's quota of 1.5 processors limits the group, rounded "
    "up") {
  CHECK(quota("cgroup-v2") == 2);
}

TEST_CASE("cgroup_cpu_quota, version 2: the group's quota of 3 is smaller than its parent's of 8") {
  CHECK(quota("cgroup-v2-group") == 3);
}

TEST_CASE("cgroup_cpu_quota, version 1: the group's quota of 4, with no limit at the root") {
  CHECK(quota("cgroup-v1") == 4);
}

TEST_CASE("cgroup_cpu_quota: 0 if no cgroup is mounted") { CHECK(quota("missing") == 0); }

TEST_CASE("usable_cpus: at least one") { CHECK(batchnorm::usable_cpus() >= 1); }
