// Matrix multiplication against double precision: blocking, packing, transposes and edges, on one
// thread and on several.
#include "ops/matmul.h"

#include "support.h"
#include "system/thread_pool.h"

using batchnorm::Matmul;
using support::Guarded;
using support::Random;

namespace {

void check_product(const batchnorm::Kernels& kernels, size_t rows, size_t depth, size_t columns,
                   bool transpose_a, bool transpose_b) {
  Random random(rows * 7 + depth * 3 + columns);
  Guarded a(rows * depth, 1);
  Guarded b(depth * columns, 2);
  Guarded c(rows * columns, 3);
  a.fill(random);
  b.fill(random);
  const Matmul call = {a.data(), b.data(), c.data(),    rows,
                       depth,    columns,  transpose_a, transpose_b};
  REQUIRE(batchnorm::matmul(kernels, call) == batchnorm::Status::kOk);
  CHECK(c.guards_intact());
  size_t wrong = 0;
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) {
      double expected = 0;
      for (size_t k = 0; k < depth; k++) {
        expected += static_cast<double>(a[transpose_a ? k * rows + i : i * depth + k]) *
                    b[transpose_b ? j * depth + k : k * columns + j];
      }
      if (!support::near(c[i * columns + j], expected, 2e-7 * static_cast<double>(depth + 1))) {
        wrong++;
      }
    }
  }
  CAPTURE(std::string(kernels.isa));
  CAPTURE(rows);
  CAPTURE(depth);
  CAPTURE(columns);
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("matmul: sizes around tiles and blocks, all transposes") {
  FOR_EACH_ISA(kernels) {
    const size_t sizes[][3] = {{1, 1, 1},    {5, 3, 7},      {6, 16, 16},   {7, 17, 17},
                               {97, 257, 3}, {12, 300, 257}, {96, 256, 32}, {121, 40, 2065},
                               {0, 4, 4},    {4, 0, 4},      {4, 4, 0}};
    for (const auto& size : sizes) {
      for (int transposes = 0; transposes < 4; transposes++) {
        check_product(kernels, size[0], size[1], size[2], transposes & 1, transposes & 2);
      }
    }
  }
}

TEST_CASE("matmul: the same bits for any number of threads") {
  FOR_EACH_ISA(kernels) {
    const size_t rows = 200, depth = 300, columns = 530;
    Random random(9);
    Guarded a(rows * depth);
    Guarded b(depth * columns);
    a.fill(random);
    b.fill(random);
    const size_t before = batchnorm::thread_count();
    std::vector<float> first;
    for (size_t threads : {1, 2, 5}) {
      batchnorm::set_thread_count(threads);
      Guarded c(rows * columns);
      batchnorm::matmul(kernels,
                        {a.data(), b.data(), c.data(), rows, depth, columns, false, false});
      if (first.empty()) {
        first.assign(c.data(), c.data() + c.size());
      } else {
        CHECK(std::memcmp(first.data(), c.data(), c.size() * sizeof(float)) == 0);
      }
    }
    batchnorm::set_thread_count(before);
  }
}
