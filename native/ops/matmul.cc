#include "ops/matmul.h"

#include <cstring>

#include "ops/pack.h"
#include "ops/parallel.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

// Blocks after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.
// kDepth decides the order of sums and is a constant for that reason; the others only decide who
// computes what.
constexpr size_t kDepth = 256;
constexpr size_t kRows = 96;      // 96 KB of packed A
constexpr size_t kColumns = 256;  // 256 KB of packed B
constexpr size_t kLargestTile = 6 * 16;

size_t round_up(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// One block of C, all of its depth.
class BlockOfC {
 public:
  BlockOfC(const Kernels& kernels, const Matmul& arguments, float* packed_a, float* packed_b)
      : kernels_(kernels), arguments_(arguments), packed_a_(packed_a), packed_b_(packed_b) {}

  void compute(size_t row, size_t rows, size_t column, size_t columns) const {
    for (size_t k = 0; k < arguments_.depth; k += kDepth) {
      const size_t depth = std::min(kDepth, arguments_.depth - k);
      pack_strips(a(row, k), rows, depth, kernels_.tile_rows, packed_a_);
      pack_strips(b(column, k), columns, depth, kernels_.tile_columns, packed_b_);
      for (size_t j = 0; j < columns; j += kernels_.tile_columns) {
        for (size_t i = 0; i < rows; i += kernels_.tile_rows) {
          tile(i, j, depth, arguments_.c + (row + i) * arguments_.columns + column + j,
               std::min(kernels_.tile_rows, rows - i), std::min(kernels_.tile_columns, columns - j),
               k > 0);
        }
      }
    }
  }

 private:
  // (i, k) of a from row `row` and depth k on.
  MatrixView a(size_t row, size_t k) const {
    const size_t outer = arguments_.transpose_a ? 1 : arguments_.depth;
    const size_t inner = arguments_.transpose_a ? arguments_.rows : 1;
    return {arguments_.a + row * outer + k * inner, outer, inner};
  }
  MatrixView b(size_t column, size_t k) const {
    const size_t outer = arguments_.transpose_b ? arguments_.depth : 1;
    const size_t inner = arguments_.transpose_b ? 1 : arguments_.columns;
    return {arguments_.b + column * outer + k * inner, outer, inner};
  }

  // A tile that sticks out of C is computed beside it.
  void tile(size_t i, size_t j, size_t depth, float* c, size_t rows, size_t columns,
            bool accumulate) const {
    const float* a_strip = packed_a_ + i * depth;
    const float* b_strip = packed_b_ + j * depth;
    if (rows == kernels_.tile_rows && columns == kernels_.tile_columns) {
      kernels_.matmul_tile(a_strip, b_strip, depth, c, arguments_.columns, accumulate);
      return;
    }
    float whole[kLargestTile];
    kernels_.matmul_tile(a_strip, b_strip, depth, whole, kernels_.tile_columns, false);
    for (size_t row = 0; row < rows; row++) {
      for (size_t column = 0; column < columns; column++) {
        float& target = c[row * arguments_.columns + column];
        const float sum = whole[row * kernels_.tile_columns + column];
        target = accumulate ? target + sum : sum;
      }
    }
  }

  const Kernels& kernels_;
  const Matmul& arguments_;
  float* packed_a_;
  float* packed_b_;
};

}  // namespace

Status matmul(const Kernels& kernels, const Matmul& arguments) {
  if (arguments.rows == 0 || arguments.columns == 0) return Status::kOk;
  if (arguments.depth == 0) {
    std::memset(arguments.c, 0, arguments.rows * arguments.columns * sizeof(float));
    return Status::kOk;
  }

  const size_t depth = std::min(kDepth, arguments.depth);
  const size_t a_floats = round_up(std::min(kRows, arguments.rows), kernels.tile_rows) * depth;
  const size_t b_floats =
      round_up(std::min(kColumns, arguments.columns), kernels.tile_columns) * depth;
  const size_t row_blocks = (arguments.rows + kRows - 1) / kRows;
  const size_t column_blocks = (arguments.columns + kColumns - 1) / kColumns;
  // One multiplication and addition per element of a matrix as large as the work.
  const size_t work = arguments.rows * arguments.columns * arguments.depth / 8;
  const size_t threads = std::min(threads_for(work), row_blocks * column_blocks);

  Scratch scratch;
  const size_t per_thread = round_up(a_floats + b_floats, 16);
  float* memory = scratch.get<float>(threads * per_thread);
  if (memory == nullptr) return Status::kOutOfMemory;

  auto task = [&](size_t index, size_t slot) {
    float* packed_a = memory + slot * per_thread;
    const BlockOfC block(kernels, arguments, packed_a, packed_a + a_floats);
    const size_t row = index / column_blocks * kRows;
    const size_t column = index % column_blocks * kColumns;
    block.compute(row, std::min(kRows, arguments.rows - row), column,
                  std::min(kColumns, arguments.columns - column));
  };
  parallel_for(row_blocks * column_blocks, threads, task);
  return Status::kOk;
}

}  // namespace batchnorm
