#include "ops/axis_reductions.h"

#include <algorithm>
#include <limits>

#include "ops/parallel.h"
#include "ops/scratch.h"

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

// Columns that are reduced together: their accumulators (8 KiB of doubles) stay in the first-level
// cache.
constexpr size_t kMaxColumns = 1024;
// Fewer columns than this are reduced as several interleaved groups of columns, which fill vectors.
constexpr size_t kWideColumns = 64;
// Joining the groups takes as long as a few wide rows.
constexpr size_t kMinWideRows = 8;
// Minimum number of parts that an array with few results is divided into.
constexpr size_t kMinParts = 32;
constexpr size_t kMinElementsPerPart = 16 * 1024;

// How a reduction is divided: into groups of up to kMaxColumns results, and their rows, if there
// are few groups, into parts. It depends only on the shape, and so does the order of every sum.
struct AxisPlan {
  explicit AxisPlan(const AxisShape& axis_shape)
      : shape(axis_shape),
        width(std::min(shape.inner, kMaxColumns)),
        tiles((shape.inner + width - 1) / width),
        groups(shape.outer * tiles) {
    if (groups >= kMinParts) return;
    const size_t most = shape.length * width / kMinElementsPerPart;
    parts = std::max<size_t>(1, std::min((kMinParts + groups - 1) / groups, most));
  }

  // A division takes longer than a short row, so there is none for a single tile.
  size_t outer(size_t group) const { return tiles == 1 ? group : group / tiles; }
  size_t first_column(size_t group) const { return tiles == 1 ? 0 : group % tiles * width; }
  size_t columns(size_t group) const { return std::min(width, shape.inner - first_column(group)); }
  // Index of a group's first result in y.
  size_t result(size_t group) const { return outer(group) * shape.inner + first_column(group); }
  // Index of a row of a group in x.
  size_t row(size_t group, size_t row) const {
    return (outer(group) * shape.length + row) * shape.inner + first_column(group);
  }
  size_t first_row(size_t part) const {
    return part * (shape.length / parts) + std::min(part, shape.length % parts);
  }

  AxisShape shape;
  size_t width, tiles, groups;
  size_t parts = 1;
};

// Reduces some rows of a group to `out`.
template <class Reducer>
void reduce_rows(const Reducer& reducer, const float* x, size_t rows, size_t columns, size_t stride,
                 typename Reducer::Value* out) {
  if (stride == 1) {
    *out = reducer.row(x, rows);
    return;
  }
  std::fill(out, out + columns, Reducer::identity());
  const size_t joined = kWideColumns / columns;
  const size_t wide_rows = rows / std::max<size_t>(1, joined);
  if (columns == stride && joined > 1 && wide_rows >= kMinWideRows) {
    // Dense rows: several of them are one wide row.
    const size_t wide_columns = joined * columns;
    typename Reducer::Value wide[kWideColumns];
    std::fill(wide, wide + wide_columns, Reducer::identity());
    reducer.rows(x, wide_rows, wide_columns, wide_columns, wide);
    for (size_t first = 0; first < wide_columns; first += columns) {
      for (size_t i = 0; i < columns; i++) out[i] = reducer.join(out[i], wide[first + i]);
    }
    x += wide_rows * wide_columns;
    rows -= wide_rows * joined;
  }
  reducer.rows(x, rows, columns, stride, out);
}

template <class Reducer>
Status reduce_axis(const Reducer& reducer, const float* x, const AxisShape& shape) {
  using Value = typename Reducer::Value;
  if (shape.outer == 0 || shape.inner == 0) return Status::kOk;
  const AxisPlan plan(shape);
  if (plan.parts == 1) {
    for_each_row_range(plan.groups, shape.length * plan.width, [&](size_t begin, size_t end) {
      Value out[kMaxColumns];
      for (size_t group = begin; group < end; group++) {
        const size_t columns = plan.columns(group);
        reduce_rows(reducer, x + plan.row(group, 0), shape.length, columns, shape.inner, out);
        reducer.store(plan.result(group), columns, out);
      }
    });
    return Status::kOk;
  }
  Scratch scratch;
  Value* partial = scratch.get<Value>(plan.groups * plan.parts * plan.width);
  if (partial == nullptr) return Status::kOutOfMemory;
  auto task = [&](size_t index, size_t) {
    const size_t group = index / plan.parts;
    const size_t begin = plan.first_row(index % plan.parts);
    const size_t end = plan.first_row(index % plan.parts + 1);
    reduce_rows(reducer, x + plan.row(group, begin), end - begin, plan.columns(group), shape.inner,
                partial + index * plan.width);
  };
  parallel_for(plan.groups * plan.parts, threads_for(shape.outer * shape.length * shape.inner),
               task);
  for (size_t group = 0; group < plan.groups; group++) {
    Value* out = partial + group * plan.parts * plan.width;
    const size_t columns = plan.columns(group);
    for (size_t part = 1; part < plan.parts; part++) {
      const Value* next = out + part * plan.width;
      for (size_t i = 0; i < columns; i++) out[i] = reducer.join(out[i], next[i]);
    }
    reducer.store(plan.result(group), columns, out);
  }
  return Status::kOk;
}

struct SumReducer {
  using Value = double;
  const Kernels& kernels;
  float* y;
  double divisor;

  static double identity() { return 0; }
  static double join(double a, double b) { return a + b; }
  double row(const float* x, size_t n) const { return kernels.sum(x, n); }
  void rows(const float* x, size_t rows, size_t columns, size_t stride, double* sums) const {
    kernels.sum_rows(x, rows, columns, stride, sums);
  }
  void store(size_t first, size_t columns, const double* sums) const {
    for (size_t i = 0; i < columns; i++) y[first + i] = static_cast<float>(sums[i] / divisor);
  }
};

float sign_of(Extremum which) { return which == Extremum::kMax ? 1.0f : -1.0f; }

// Whether `value` replaces the maximum of the values before it: a NaN replaces every number.
bool replaces(float value, float most) { return !(value <= most) && most == most; }

struct ExtremumReducer {
  using Value = float;
  const Kernels& kernels;
  float* y;
  float sign;

  static float identity() { return -std::numeric_limits<float>::infinity(); }
  static float join(float a, float b) { return replaces(b, a) ? b : a; }
  float row(const float* x, size_t n) const { return kernels.extremum(x, n, sign); }
  void rows(const float* x, size_t rows, size_t columns, size_t stride, float* most) const {
    kernels.extremum_rows(x, rows, columns, stride, sign, most);
  }
  void store(size_t first, size_t columns, const float* most) const {
    for (size_t i = 0; i < columns; i++) y[first + i] = most[i] * sign;
  }
};

// The index of the first extremum of n values. The kernel compares values, so only the piece with
// the extremum is searched one by one.
size_t extremum_index(const Kernels& kernels, const float* x, size_t n, float sign) {
  constexpr size_t kPiece = 1024;
  size_t piece = 0;
  float most = ExtremumReducer::identity();
  for (size_t begin = 0; begin < n; begin += kPiece) {
    const float value = kernels.extremum(x + begin, std::min(kPiece, n - begin), sign);
    if (!replaces(value, most)) continue;
    most = value;
    piece = begin;
  }
  const float wanted = most * sign;
  size_t index = piece;
  while (index < n && x[index] != wanted && (wanted == wanted || x[index] == x[index])) index++;
  return index;
}

// shares[i] = dy[i] / the number of values that equal y[i]; NaN if there is none.
void extremum_shares(const float* x, const float* y, const float* dy, float* shares,
                     const AxisShape& shape) {
  const AxisPlan plan(shape);
  for_each_row_range(plan.groups, shape.length * plan.width, [&](size_t begin, size_t end) {
    double counts[kMaxColumns];
    for (size_t group = begin; group < end; group++) {
      const size_t first = plan.result(group);
      const size_t columns = plan.columns(group);
      std::fill(counts, counts + columns, 0.0);
      for (size_t row = 0; row < shape.length; row++) {
        const float* values = x + plan.row(group, row);
        for (size_t i = 0; i < columns; i++) counts[i] += values[i] == y[first + i] ? 1.0 : 0.0;
      }
      for (size_t i = 0; i < columns; i++) {
        const double share = static_cast<double>(dy[first + i]) / counts[i];
        shares[first + i] =
            counts[i] > 0 ? static_cast<float>(share) : std::numeric_limits<float>::quiet_NaN();
      }
    }
  });
}

// The gradient of a value: 0 unless it equals the extremum, and NaN where the share is NaN.
float gradient(float value, float extremum, float share) {
  return value == extremum ? share : share - share;
}

}  // namespace

Status sum_axis(const Kernels& kernels, const float* x, float* y, const AxisShape& shape,
                double divisor) {
  return reduce_axis(SumReducer{kernels, y, divisor}, x, shape);
}

Status extremum_axis(const Kernels& kernels, const float* x, float* y, const AxisShape& shape,
                     Extremum which) {
  return reduce_axis(ExtremumReducer{kernels, y, sign_of(which)}, x, shape);
}

void extremum_index_axis(const Kernels& kernels, const float* x, float* y, const AxisShape& shape,
                         Extremum which) {
  if (shape.outer == 0 || shape.inner == 0) return;
  const float sign = sign_of(which);
  const AxisPlan plan(shape);
  for_each_row_range(plan.groups, shape.length * plan.width, [&](size_t begin, size_t end) {
    float most[kMaxColumns];
    for (size_t group = begin; group < end; group++) {
      const float* values = x + plan.row(group, 0);
      float* index = y + plan.result(group);
      if (shape.inner == 1) {
        *index = static_cast<float>(extremum_index(kernels, values, shape.length, sign));
        continue;
      }
      const size_t columns = plan.columns(group);
      std::fill(most, most + columns, ExtremumReducer::identity());
      std::fill(index, index + columns, 0.0f);
      kernels.extremum_index_rows(values, shape.length, columns, shape.inner, sign, most, index);
    }
  });
}

Status extremum_axis_backward(const float* x, const float* y, const float* dy, float* dx,
                              const AxisShape& shape) {
  const size_t n = shape.outer * shape.length * shape.inner;
  if (n == 0) return Status::kOk;
  Scratch scratch;
  float* shares = scratch.get<float>(shape.outer * shape.inner);
  if (shares == nullptr) return Status::kOutOfMemory;
  extremum_shares(x, y, dy, shares, shape);
  if (shape.inner == 1) {
    for_each_piece(n, [&](size_t begin, size_t end) {
      while (begin < end) {
        const size_t row = begin / shape.length;
        const size_t row_end = std::min(end, (row + 1) * shape.length);
        for (; begin < row_end; begin++) dx[begin] = gradient(x[begin], y[row], shares[row]);
      }
    });
    return Status::kOk;
  }
  for_each_row_range(shape.outer * shape.length, shape.inner, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      const size_t first = row / shape.length * shape.inner;
      const size_t start = row * shape.inner;
      for (size_t i = 0; i < shape.inner; i++) {
        dx[start + i] = gradient(x[start + i], y[first + i], shares[first + i]);
      }
    }
  });
  return Status::kOk;
}

}  // namespace batchnorm
