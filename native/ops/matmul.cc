#include "ops/matmul.h"

#include <cstring>

#include "ops/pack.h"
#include "ops/parallel.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

// Block sizes after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication",
// 2008. kDepth determines the order of the sums, so it must not depend on the machine or the number
// of threads; the other sizes only determine which thread computes which block.
constexpr size_t kDepth = 256;
constexpr size_t kRows = 120;           // 120 KB of packed A, in a core's second-level cache
constexpr size_t kPanelColumns = 2048;  // 2 MB of packed B, in the cache that the cores share
constexpr size_t kMinColumns = 128;     // per task: packing its A costs as much as 16 columns
constexpr size_t kTasksPerThread = 4;
constexpr size_t kMaxTileFloats = 12 * 32;

size_t ceil_divide(size_t n, size_t divisor) { return (n + divisor - 1) / divisor; }
size_t round_up(size_t n, size_t multiple) { return ceil_divide(n, multiple) * multiple; }

// The size of equal parts of `n` that are at most `max_part`, rounded up to a multiple of `unit`.
size_t equal_parts(size_t n, size_t max_part, size_t unit) {
  return round_up(ceil_divide(n, ceil_divide(n, max_part)), unit);
}

// The contribution of the steps [k, k + kDepth) of the depth to a panel of columns of C.
class Panel {
 public:
  Panel(const Kernels& kernels, const Matmul& arguments, size_t column, size_t columns, size_t k,
        float* packed_b)
      : kernels_(kernels),
        arguments_(arguments),
        column_(column),
        columns_(columns),
        k_(k),
        depth_(std::min(kDepth, arguments.depth - k)),
        packed_b_(packed_b) {}

  // Packs columns [first, first + count) of the panel of B; `first` must be the start of a strip.
  void pack_b(size_t first, size_t count) const {
    const size_t outer = arguments_.transpose_b ? arguments_.depth : 1;
    const size_t inner = arguments_.transpose_b ? 1 : arguments_.columns;
    const float* b = arguments_.b + (column_ + first) * outer + k_ * inner;
    pack_strips({b, outer, inner}, std::min(count, columns_ - first), depth_, kernels_.tile_columns,
                packed_b_ + first * depth_);
  }

  // Packs `rows` rows of A into `packed_a` and adds their product to a block of C.
  void compute(size_t row, size_t rows, size_t first, size_t count, float* packed_a) const {
    const size_t outer = arguments_.transpose_a ? 1 : arguments_.depth;
    const size_t inner = arguments_.transpose_a ? arguments_.rows : 1;
    rows = std::min(rows, arguments_.rows - row);
    pack_strips({arguments_.a + row * outer + k_ * inner, outer, inner}, rows, depth_,
                kernels_.tile_rows, packed_a);
    const size_t end = std::min(columns_, first + count);
    for (size_t j = first; j < end; j += kernels_.tile_columns) {
      for (size_t i = 0; i < rows; i += kernels_.tile_rows) {
        tile(packed_a + i * depth_, packed_b_ + j * depth_,
             arguments_.c + (row + i) * arguments_.columns + column_ + j,
             std::min(kernels_.tile_rows, rows - i), std::min(kernels_.tile_columns, end - j));
      }
    }
  }

 private:
  // A tile that extends beyond C is computed in a buffer.
  void tile(const float* a, const float* b, float* c, size_t rows, size_t columns) const {
    const bool accumulate = k_ > 0;
    if (rows == kernels_.tile_rows && columns == kernels_.tile_columns) {
      kernels_.matmul_tile(a, b, depth_, c, arguments_.columns, accumulate);
      return;
    }
    float buffer[kMaxTileFloats];
    kernels_.matmul_tile(a, b, depth_, buffer, kernels_.tile_columns, false);
    for (size_t row = 0; row < rows; row++) {
      for (size_t column = 0; column < columns; column++) {
        float& target = c[row * arguments_.columns + column];
        const float sum = buffer[row * kernels_.tile_columns + column];
        target = accumulate ? target + sum : sum;
      }
    }
  }

  const Kernels& kernels_;
  const Matmul& arguments_;
  size_t column_, columns_;
  size_t k_, depth_;
  float* packed_b_;
};

}  // namespace

Status matmul(const Kernels& kernels, const Matmul& arguments) {
  if (arguments.rows == 0 || arguments.columns == 0) return Status::kOk;
  if (arguments.depth == 0) {
    std::memset(arguments.c, 0, arguments.rows * arguments.columns * sizeof(float));
    return Status::kOk;
  }

  // Eight multiply-adds count as one element.
  const size_t threads = threads_for(arguments.rows * arguments.columns * arguments.depth / 8);
  const size_t depth = std::min(kDepth, arguments.depth);
  const size_t panel = std::min(kPanelColumns, arguments.columns);
  const size_t rows = equal_parts(arguments.rows, kRows, kernels.tile_rows);
  const size_t row_blocks = ceil_divide(arguments.rows, rows);
  // Tasks are whole row blocks, so that each block of A is packed once. Columns are divided only if
  // there are too few row blocks for the threads.
  const size_t groups = threads == 1 ? 1
                                     : std::min(ceil_divide(threads * kTasksPerThread, row_blocks),
                                                std::max<size_t>(1, panel / kMinColumns));
  const size_t columns = round_up(ceil_divide(panel, groups), kernels.tile_columns);

  Scratch scratch;
  const size_t a_floats = round_up(rows * depth, 16);
  const size_t b_floats = round_up(round_up(panel, kernels.tile_columns) * depth, 16);
  float* packed_b = scratch.get<float>(b_floats + threads * a_floats);
  if (packed_b == nullptr) return Status::kOutOfMemory;
  float* packed_a = packed_b + b_floats;

  for (size_t column = 0; column < arguments.columns; column += panel) {
    const size_t width = std::min(panel, arguments.columns - column);
    const size_t column_groups = ceil_divide(width, columns);
    for (size_t k = 0; k < arguments.depth; k += kDepth) {
      const Panel part(kernels, arguments, column, width, k, packed_b);
      auto pack = [&](size_t index, size_t) { part.pack_b(index * columns, columns); };
      parallel_for(column_groups, threads, pack);
      auto compute = [&](size_t index, size_t slot) {
        part.compute(index / column_groups * rows, rows, index % column_groups * columns, columns,
                     packed_a + slot * a_floats);
      };
      parallel_for(row_blocks * column_groups, threads, compute);
    }
  }
  return Status::kOk;
}

}  // namespace batchnorm
