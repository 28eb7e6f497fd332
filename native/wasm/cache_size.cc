// Cache sizes for WebAssembly: typical ones, because an engine does not report them.
#include "system/cache_size.h"

namespace batchnorm {

namespace {

CacheSizes sizes = {32 * 1024, 512 * 1024, 8 * 1024 * 1024};

}  // namespace

const CacheSizes& cache_sizes() { return sizes; }
void set_cache_sizes(const CacheSizes& other) { sizes = other; }

}  // namespace batchnorm
