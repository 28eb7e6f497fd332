#include "ops/reductions.h"

#include "ops/parallel.h"
#include "ops/scratch.h"

// A matrix without columns occupies no memory, so it may have 2^40 rows. Functions that have
// nothing to write for an empty row return early instead of looping over all rows.

// The kernels take the time.
#include "optimize_for_size.h"

namespace batchnorm {

Status sum_all(const Kernels& kernels, const float* x, size_t n, double* result) {
  // Pieces of fixed length, added in order: the same bits for any number of threads.
  constexpr size_t kPiece = 32 * 1024;
  const size_t pieces = (n + kPiece - 1) / kPiece;
  Scratch scratch;
  double* partial = scratch.get<double>(pieces);
  if (partial == nullptr) return Status::kOutOfMemory;
  auto task = [&](size_t index, size_t) {
    const size_t begin = index * kPiece;
    partial[index] = kernels.sum(x + begin, std::min(kPiece, n - begin));
  };
  parallel_for(pieces, threads_for(n), task);
  *result = 0;
  for (size_t index = 0; index < pieces; index++) *result += partial[index];
  return Status::kOk;
}

Status sum_over_rows(const Kernels& kernels, const float* x, float* out, size_t rows,
                     size_t columns) {
  if (columns == 0) return Status::kOk;
  Scratch scratch;
  double* sums = scratch.get<double>(columns);
  if (sums == nullptr) return Status::kOutOfMemory;
  std::fill(sums, sums + columns, 0.0);
  kernels.sum_rows(x, rows, columns, columns, sums);
  for (size_t column = 0; column < columns; column++) {
    out[column] = static_cast<float>(sums[column]);
  }
  return Status::kOk;
}

void log_softmax_rows(const Kernels& kernels, const float* x, float* y, size_t rows,
                      size_t columns) {
  if (columns == 0) return;
  for_each_row_range(rows, columns, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      kernels.log_softmax(x + row * columns, y + row * columns, columns);
    }
  });
}

void log_softmax_rows_backward(const Kernels& kernels, const float* y, const float* dy, float* dx,
                               size_t rows, size_t columns) {
  if (columns == 0) return;
  for_each_row_range(rows, columns, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      const size_t start = row * columns;
      kernels.log_softmax_backward(y + start, dy + start, dx + start, columns);
    }
  });
}

void softmax_rows(const Kernels& kernels, const float* x, float* y, size_t rows, size_t columns) {
  if (columns == 0) return;
  for_each_row_range(rows, columns, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      kernels.softmax(x + row * columns, y + row * columns, columns);
    }
  });
}

void softmax_rows_backward(const Kernels& kernels, const float* y, const float* dy, float* dx,
                           size_t rows, size_t columns) {
  if (columns == 0) return;
  for_each_row_range(rows, columns, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      const size_t start = row * columns;
      kernels.softmax_backward(y + start, dy + start, dx + start, columns);
    }
  });
}

void row_means(const Kernels& kernels, const float* x, float* means, size_t rows, size_t columns) {
  const double count = static_cast<double>(columns);
  for_each_row_range(rows, columns, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      means[row] = static_cast<float>(kernels.sum(x + row * columns, columns) / count);
    }
  });
}

void row_means_backward(const float* dy, float* dx, size_t rows, size_t columns) {
  const double count = static_cast<double>(columns);
  for_each_row_range(rows, columns, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
      const float share = static_cast<float>(static_cast<double>(dy[row]) / count);
      std::fill(dx + row * columns, dx + (row + 1) * columns, share);
    }
  });
}

}  // namespace batchnorm
