// The windows of max and average pooling, and the working memory of the kernels.
#pragma once

#include <cstddef>

namespace batchnorm {

// The windows along one axis of a plane: `kernel` values that are `dilation` apart, beginning at
// -before, stride - before, ... Windows begin before the end of the plane and may reach beyond it.
struct PoolAxis {
  size_t size;  // of the plane
  size_t out;   // number of windows
  size_t kernel, stride, dilation;
  size_t before, after;  // padding; before is less than kernel

  // From the first value of a window to the last.
  size_t extent() const { return (kernel - 1) * dilation + 1; }
};

struct Pooling {
  PoolAxis rows, columns;
  // Of average pooling: whether padding counts as zeros. Places beyond it never count.
  bool count_padding;
};

// The working memory of the pooling kernels (kernels/pool_windows.inl.h): two rings of as many rows
// as a window spans, each split into phases. pool_span() is the length of a phase in floats,
// rounded up so that whole vectors can be read and written.
inline size_t pool_phases(const Pooling& params) {
  const size_t extent = params.columns.extent();
  return params.columns.stride < extent ? params.columns.stride : extent;
}
inline size_t pool_span(const Pooling& params) {
  constexpr size_t kMaxLanes = 16;
  const auto whole_vectors = [](size_t n) { return (n + kMaxLanes - 1) / kMaxLanes * kMaxLanes; };
  const PoolAxis& columns = params.columns;
  return whole_vectors((columns.extent() - 1) / columns.stride + whole_vectors(columns.out));
}
inline size_t pool_scratch(const Pooling& params) {
  return 2 * params.rows.extent() * pool_phases(params) * pool_span(params);
}

}  // namespace batchnorm
