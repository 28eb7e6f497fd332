#include "ops/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "ops/parallel.h"

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

constexpr size_t kInner = StridedCopy::kAxes - 1;
constexpr size_t kNext = StridedCopy::kAxes - 2;
// A tile of 16 x 16 floats touches 16 cache lines of 64 bytes on either side and uses each whole.
constexpr size_t kTile = 16;

void swap_axes(StridedCopy& copy, size_t a, size_t b) {
  std::swap(copy.size[a], copy.size[b]);
  std::swap(copy.x_stride[a], copy.x_stride[b]);
  std::swap(copy.y_stride[a], copy.y_stride[b]);
}

// The axis along which the strides are 1, or kAxes if there is none.
size_t contiguous_axis(const StridedCopy& copy, const size_t* stride) {
  for (size_t axis = StridedCopy::kAxes; axis-- > 0;) {
    if (copy.size[axis] > 1 && stride[axis] == 1) return axis;
  }
  return StridedCopy::kAxes;
}

// Where row number `row` begins; rows are counted along the first `axes` axes.
struct Row {
  Row(const StridedCopy& copy, size_t row, size_t axes) {
    for (size_t axis = axes; axis-- > 0;) {
      const size_t i = row % copy.size[axis];
      row /= copy.size[axis];
      x += i * copy.x_stride[axis];
      y += i * copy.y_stride[axis];
    }
  }
  size_t x = 0;
  size_t y = 0;
};

void copy_row(const float* x, float* y, const StridedCopy& copy) {
  const size_t n = copy.size[kInner];
  const size_t from = copy.x_stride[kInner];
  const size_t to = copy.y_stride[kInner];
  if (from == 1 && to == 1) {
    std::memcpy(y, x, n * sizeof(float));
    return;
  }
  if (from == 0 && to == 1) {
    std::fill(y, y + n, *x);
    return;
  }
  for (size_t i = 0; i < n; i++) y[i * to] = x[i * from];
}

// Transposes rows [begin, end) of the plane of the two inner axes: x is contiguous along the rows,
// y along the columns.
void transpose_band(const float* x, float* y, size_t begin, size_t end, const StridedCopy& copy) {
  const size_t columns = copy.size[kInner];
  const size_t from = copy.x_stride[kInner];
  const size_t to = copy.y_stride[kNext];
  for (size_t first = 0; first < columns; first += kTile) {
    const size_t last = std::min(columns, first + kTile);
    for (size_t row = begin; row < end; row++) {
      for (size_t column = first; column < last; column++) {
        y[row * to + column] = x[row + column * from];
      }
    }
  }
}

}  // namespace

void strided_copy(const float* x, float* y, const StridedCopy& request) {
  StridedCopy copy = request;
  size_t rows = 1;
  for (size_t axis = 0; axis < StridedCopy::kAxes; axis++) {
    if (copy.size[axis] == 0) return;
  }
  // The order of the axes is free: the inner loop writes, and if possible reads, adjacent elements.
  const size_t written = contiguous_axis(copy, copy.y_stride);
  if (written < kInner) swap_axes(copy, written, kInner);
  const size_t read = contiguous_axis(copy, copy.x_stride);
  for (size_t axis = 0; axis < kInner; axis++) rows *= copy.size[axis];
  const size_t columns = copy.size[kInner];
  if (rows == 1 && copy.x_stride[kInner] == 1 && copy.y_stride[kInner] == 1) {
    for_each_piece(columns, [&](size_t begin, size_t end) {
      std::memcpy(y + begin, x + begin, (end - begin) * sizeof(float));
    });
    return;
  }
  // A stride of 0 reads one element for the whole row, so there is nothing to transpose.
  const bool repeats = copy.x_stride[kInner] == 0;
  if (read < kInner && written < StridedCopy::kAxes && !repeats) {
    swap_axes(copy, read, kNext);
    const size_t bands = (copy.size[kNext] + kTile - 1) / kTile;
    const size_t planes = rows / copy.size[kNext];
    for_each_row_range(planes * bands, kTile * columns, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; i++) {
        const Row plane(copy, i / bands, kNext);
        const size_t begin = i % bands * kTile;
        const size_t end = std::min(copy.size[kNext], begin + kTile);
        transpose_band(x + plane.x, y + plane.y, begin, end, copy);
      }
    });
    return;
  }
  for_each_row_range(rows, columns, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
      const Row row(copy, i, kInner);
      copy_row(x + row.x, y + row.y, copy);
    }
  });
}

}  // namespace batchnorm
