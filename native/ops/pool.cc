#include "ops/pool.h"

#include "ops/parallel.h"
#include "ops/scratch.h"

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

// Calls function(offset of the plane in x, its offset in y, scratch) for each plane.
template <class Function>
Status for_each_plane(size_t planes, const Pooling& params, const Function& function) {
  if (planes == 0) return Status::kOk;
  const size_t plane = params.rows.size * params.columns.size;
  const size_t out_plane = params.rows.out * params.columns.out;
  // Windows may overlap, so the work is the number of elements that they read.
  const size_t work = std::max(plane, out_plane * params.rows.kernel * params.columns.kernel);
  const size_t range = std::max<size_t>(1, kMinElementsPerTask / std::max<size_t>(1, work));
  const size_t tasks = (planes + range - 1) / range;
  const size_t threads = std::min(threads_for(planes * work), std::max<size_t>(1, tasks));
  const size_t size = pool_scratch(params);
  Scratch scratch;
  float* memory = scratch.get<float>(threads * size);
  if (memory == nullptr) return Status::kOutOfMemory;
  auto task = [&](size_t index, size_t slot) {
    const size_t end = std::min(planes, (index + 1) * range);
    for (size_t i = index * range; i < end; i++) {
      function(i * plane, i * out_plane, memory + slot * size);
    }
  };
  parallel_for(tasks, threads, task);
  return Status::kOk;
}

}  // namespace

Status max_pool(const Kernels& kernels, const float* x, float* y, size_t planes,
                const Pooling& params) {
  return for_each_plane(planes, params, [&](size_t in, size_t out, float* scratch) {
    kernels.max_pool(x + in, y + out, params, scratch);
  });
}

Status max_pool_backward(const Kernels& kernels, const float* x, const float* y, const float* dy,
                         float* dx, size_t planes, const Pooling& params) {
  return for_each_plane(planes, params, [&](size_t in, size_t out, float* scratch) {
    kernels.max_pool_backward(x + in, y + out, dy + out, dx + in, params, scratch);
  });
}

Status avg_pool(const Kernels& kernels, const float* x, float* y, size_t planes,
                const Pooling& params) {
  return for_each_plane(planes, params, [&](size_t in, size_t out, float* scratch) {
    kernels.avg_pool(x + in, y + out, params, scratch);
  });
}

Status avg_pool_backward(const Kernels& kernels, const float* dy, float* dx, size_t planes,
                         const Pooling& params) {
  return for_each_plane(planes, params, [&](size_t in, size_t out, float* scratch) {
    kernels.avg_pool_backward(dy + out, dx + in, params, scratch);
  });
}

}  // namespace batchnorm
