// The register tile of every ISA: C = A B and C += A B for packed strips.
#include "support.h"

using support::Guarded;
using support::Random;

TEST_CASE("matmul_tile: overwrites and accumulates, with gaps between the rows of C") {
  FOR_EACH_ISA(kernels) {
    const size_t rows = kernels.tile_rows;
    const size_t columns = kernels.tile_columns;
    const size_t stride = columns + 3;
    for (size_t depth : {0, 1, 2, 7, 256}) {
      Random random(depth);
      Guarded a(depth * rows, 1);
      Guarded b(depth * columns, 2);
      a.fill(random);
      b.fill(random);
      for (bool accumulate : {false, true}) {
        Guarded c((rows - 1) * stride + columns, 3);
        for (size_t i = 0; i < c.size(); i++) c[i] = 100.0f;
        kernels.matmul_tile(a.data(), b.data(), depth, c.data(), stride, accumulate);
        CHECK(c.guards_intact());
        for (size_t i = 0; i < rows; i++) {
          for (size_t j = 0; j < stride && i * stride + j < c.size(); j++) {
            double expected = accumulate || j >= columns ? 100.0 : 0.0;
            for (size_t k = 0; k < depth && j < columns; k++) {
              expected += static_cast<double>(a[k * rows + i]) * b[k * columns + j];
            }
            CHECK(support::near(c[i * stride + j], expected, 1e-5 * (1 + std::fabs(expected))));
          }
        }
      }
    }
  }
}
