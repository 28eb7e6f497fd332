#include "system/cache_size.h"

#include "support.h"

TEST_CASE("cache sizes: each level is larger than the previous one, and all are plausible") {
  const batchnorm::CacheSizes& sizes = batchnorm::cache_sizes();
  CHECK(sizes.l1 >= 8 * 1024);
  CHECK(sizes.l1 <= 1024 * 1024);
  CHECK(sizes.l2 >= sizes.l1);
  CHECK(sizes.last >= sizes.l2);
  CHECK(sizes.last <= size_t{4} * 1024 * 1024 * 1024);
}
