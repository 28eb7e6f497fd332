// The kernels of depthwise convolutions on every ISA against double precision.
#include <algorithm>

#include "support.h"

using batchnorm::CorrelatedPlanes;
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

namespace {

// The result of correlate_planes for planes of x that share nothing, beside double precision.
void check_planes(const Kernels& kernels, const CorrelatedPlanes& shape, bool has_bias) {
  CorrelatedPlanes planes = shape;
  const std::vector<size_t> offsets = offsets_of(planes.depth);
  planes.x_stride = planes.columns + 3;
  planes.x_plane = planes.rows * planes.x_stride + 35;
  planes.y_plane = planes.rows * planes.columns + 2;
  planes.weights_stride = planes.depth + 1;
  Guarded x(planes.planes * planes.x_plane + kernels.lanes, 1);
  Guarded weights(planes.planes * planes.weights_stride, 2);
  Guarded y(planes.planes * planes.y_plane, 3), bias(planes.planes, 4);
  Random random(planes.columns + planes.depth);
  x.fill(random, 1, 0.5f);
  weights.fill(random);
  bias.fill(random);
  std::fill(y.data(), y.data() + y.size(), 77.0f);
  planes.weights = weights.data();
  planes.offsets = offsets.data();
  planes.bias = has_bias ? bias.data() : nullptr;
  planes.x = x.data();
  planes.y = y.data();
  kernels.correlate_planes(planes);
  size_t wrong = 0;
  for (size_t i = 0; i < y.size(); i++) {
    const size_t plane = i / planes.y_plane, pixel = i % planes.y_plane;
    double expected = 77, size = 0;
    if (pixel < planes.rows * planes.columns) {
      const float* const from = x.data() + plane * planes.x_plane +
                                pixel / planes.columns * planes.x_stride + pixel % planes.columns;
      expected = has_bias ? bias[plane] : 0;
      size = std::fabs(expected);
      for (size_t k = 0; k < planes.depth; k++) {
        const double product =
            static_cast<double>(weights[plane * planes.weights_stride + k]) * from[offsets[k]];
        expected += product;
        size += std::fabs(product);
      }
    }
    if (!support::near(y[i], expected, 1e-6 * size)) wrong++;
  }
  CAPTURE(std::string(kernels.isa));
  CAPTURE(planes.rows);
  CAPTURE(planes.columns);
  CAPTURE(planes.depth);
  CHECK(wrong == 0);
  CHECK(y.guards_intact());
}

}  // namespace

TEST_CASE("correlate_planes: sums over taps, and writes nothing between planes") {
  FOR_EACH_ISA(kernels) {
    for (size_t columns : row_lengths(kernels.lanes)) {
      if (columns == 0) continue;
      for (size_t rows : {1, 2, 5, 7, 40}) {
        // 256 taps are one chain of additions.
        for (size_t depth : {1, 9, 255, 256, 257, 600}) {
          CorrelatedPlanes planes = {};
          planes.planes = 1 + depth % 3;
          planes.depth = depth;
          planes.rows = rows;
          planes.columns = columns;
          check_planes(kernels, planes, depth % 2 == 0);
        }
      }
    }
  }
}

TEST_CASE("correlate_planes: short rows of many planes, more than fit in its buffer at a time") {
  FOR_EACH_ISA(kernels) {
    for (size_t columns = 1; columns < std::min<size_t>(kernels.lanes, 9); columns++) {
      CorrelatedPlanes planes = {};
      planes.planes = 50;
      planes.depth = 9;
      planes.rows = 7;
      planes.columns = columns;
      check_planes(kernels, planes, true);
    }
  }
}

TEST_CASE("correlate_planes: planes of one input share it") {
  FOR_EACH_ISA(kernels) {
    Guarded x(5 * 8 + kernels.lanes, 1), y(2 * 5 * 6, 2);
    Random random(3);
    x.fill(random);
    const float weights[] = {2, -3};
    const size_t offset = 1;
    CorrelatedPlanes planes = {};
    planes.planes = 2;
    planes.weights = weights;
    planes.weights_stride = 1;
    planes.offsets = &offset;
    planes.depth = 1;
    planes.x = x.data();
    planes.x_stride = 8;
    planes.y = y.data();
    planes.y_plane = 5 * 6;
    planes.rows = 5;
    planes.columns = 6;
    kernels.correlate_planes(planes);
    for (size_t i = 0; i < 5 * 6; i++) {
      const float value = x[i / 6 * 8 + i % 6 + 1];
      CHECK(y[i] == 2 * value);
      CHECK(y[5 * 6 + i] == -3 * value);
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
      // Values between rows must not be multiplied.
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
