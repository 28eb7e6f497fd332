// The kernels of depthwise convolutions on every ISA against double precision.
#include <algorithm>

#include "support.h"

using batchnorm::CorrelatedPlane;
using batchnorm::Kernels;
using batchnorm::WeightGradientPlane;
using support::Guarded;
using support::Random;

namespace {

// Rows around one vector, around a step of several vectors, and many vectors.
std::vector<size_t> row_lengths(size_t lanes) {
  return {1, lanes - 1, lanes, lanes + 1, 2 * lanes, 3 * lanes + 2, 7 * lanes, 13 * lanes - 1};
}

// Every tap begins somewhere else.
std::vector<size_t> offsets_of(size_t depth) {
  std::vector<size_t> offsets;
  for (size_t k = 0; k < depth; k++) offsets.push_back(k * 7 % 31);
  return offsets;
}

}  // namespace

TEST_CASE("correlate_plane: sums over taps, and writes nothing between rows") {
  FOR_EACH_ISA(kernels) {
    for (size_t columns : row_lengths(kernels.lanes)) {
      if (columns == 0) continue;
      for (size_t rows : {1, 2, 5}) {
        if (columns < kernels.lanes && rows > 1) continue;
        // 256 taps are one chain of additions.
        for (size_t depth : {1, 9, 255, 256, 257, 600}) {
          const size_t x_stride = columns + 3, y_stride = columns + 2;
          Guarded x(rows * x_stride + 31 + kernels.lanes, 1), weights(depth, 2);
          Guarded y(rows * y_stride, 3);
          Random random(columns + depth);
          x.fill(random, 1, 0.5f);
          weights.fill(random);
          std::fill(y.data(), y.data() + y.size(), 77.0f);
          const std::vector<size_t> offsets = offsets_of(depth);
          const CorrelatedPlane plane = {weights.data(), offsets.data(), depth,    0.25f, x.data(),
                                         x_stride,       y.data(),       y_stride, rows,  columns};
          kernels.correlate_plane(plane);
          size_t wrong = 0;
          for (size_t i = 0; i < y.size(); i++) {
            const size_t row = i / y_stride, column = i % y_stride;
            double expected = 77, size = 0;
            if (column < columns) {
              expected = size = 0.25;
              for (size_t k = 0; k < depth; k++) {
                const double product =
                    static_cast<double>(weights[k]) * x[row * x_stride + column + offsets[k]];
                expected += product;
                size += std::fabs(product);
              }
            }
            if (!support::near(y[i], expected, 1e-6 * size)) wrong++;
          }
          CAPTURE(std::string(kernels.isa));
          CAPTURE(columns);
          CAPTURE(depth);
          CHECK(wrong == 0);
          CHECK(y.guards_intact());
        }
      }
    }
  }
}

TEST_CASE("weight_gradient_plane: adds to the sums of its taps, and reads nothing behind a row") {
  FOR_EACH_ISA(kernels) {
    for (size_t columns : row_lengths(kernels.lanes)) {
      if (columns == 0) continue;
      const size_t images = 2, rows = 3, taps = kernels.plane_taps;
      const size_t x_stride = columns + 5, dy_stride = columns + 1;
      const size_t x_image = rows * x_stride + 7, dy_image = rows * dy_stride + 2;
      Guarded x(images * x_image + 31, 1), dy(images * dy_image, 2);
      Random random(columns);
      x.fill(random);
      dy.fill(random);
      // What lies between rows must not be multiplied.
      for (size_t image = 0; image < images; image++) {
        for (size_t row = 0; row < rows; row++) {
          dy[image * dy_image + row * dy_stride + columns] = NAN;
        }
      }
      const std::vector<size_t> offsets = offsets_of(taps);
      std::vector<double> sums(taps * 4, 2.5);
      const WeightGradientPlane plane = {x.data(), offsets.data(), images,      x_image,
                                         rows,     x_stride,       columns,     dy.data(),
                                         dy_image, dy_stride,      sums.data(), 4};
      kernels.weight_gradient_plane(plane);
      for (size_t i = 0; i < sums.size(); i++) {
        double expected = 2.5, size = 2.5;
        for (size_t n = 0; i % 4 == 0 && n < images * rows * columns; n++) {
          const size_t image = n / (rows * columns), row = n / columns % rows, c = n % columns;
          const double product =
              static_cast<double>(x[image * x_image + row * x_stride + c + offsets[i / 4]]) *
              dy[image * dy_image + row * dy_stride + c];
          expected += product;
          size += std::fabs(product);
        }
        CAPTURE(std::string(kernels.isa));
        CAPTURE(columns);
        CHECK(support::near(sums[i], expected, 1e-6 * size));
      }
    }
  }
}
