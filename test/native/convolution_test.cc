// Convolutions and their gradients against double precision: sizes around vectors, tiles and bands,
// strides, paddings, kernels larger than the image; on one thread and on several.
#include "ops/convolution.h"

#include <algorithm>

#include "support.h"
#include "system/thread_pool.h"

using batchnorm::ConvolutionAxis;
using batchnorm::ConvolutionShape;
using batchnorm::Kernels;
using batchnorm::Status;
using support::Guarded;
using support::Random;

namespace {

ConvolutionAxis axis(size_t size, size_t kernel, size_t stride, size_t dilation, size_t padding) {
  const size_t out = (size + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1;
  return {size, out, kernel, stride, dilation, padding};
}

ConvolutionShape square(size_t images, size_t in_channels, size_t height, size_t width,
                        size_t out_channels, size_t kernel, size_t stride, size_t padding) {
  return {images,
          1,
          in_channels,
          out_channels,
          axis(height, kernel, stride, 1, padding),
          axis(width, kernel, stride, 1, padding)};
}

// Calls function(x index, weight index, y index) for every product of a convolution.
template <class Function>
void for_each_product(const ConvolutionShape& s, const Function& function) {
  const auto input = [](const ConvolutionAxis& axis, size_t out, size_t tap) {
    return out * axis.stride + tap * axis.dilation - axis.padding;  // wraps around below 0
  };
  const size_t channels = s.groups * s.out_channels;
  for (size_t y = 0; y < s.images * s.out_image(); y++) {
    const size_t c = y % s.out_width(), r = y / s.out_width() % s.out_height();
    const size_t o = y / s.out_plane() % channels, n = y / s.out_image();
    for (size_t k = 0; k < s.in_channels * s.taps(); k++) {
      const size_t u = k % s.columns.kernel, t = k / s.columns.kernel % s.rows.kernel;
      const size_t row = input(s.rows, r, t), column = input(s.columns, c, u);
      if (row >= s.height() || column >= s.width()) continue;
      const size_t i = (n * s.groups + o / s.out_channels) * s.in_channels + k / s.taps();
      function((i * s.height() + row) * s.width() + column, o * s.in_channels * s.taps() + k, y);
    }
  }
}

// The number of values that differ from their sums in double. `magnitudes` are the sums of the
// absolute products.
size_t count_mismatches(const Guarded& actual, const std::vector<double>& expected,
                        const std::vector<double>& magnitudes) {
  size_t count = 0;
  for (size_t i = 0; i < expected.size(); i++) {
    if (!support::near(actual[i], expected[i], 1e-6 * magnitudes[i] + 1e-30)) count++;
  }
  return count;
}

struct Problem {
  explicit Problem(const ConvolutionShape& sizes)
      : shape(sizes),
        x(sizes.images * sizes.in_image(), 1),
        weight(sizes.groups * sizes.group_weights(), 2),
        bias(sizes.groups * sizes.out_channels, 3),
        in_bias(sizes.groups * sizes.in_channels, 2),
        dy(sizes.images * sizes.out_image(), 1) {
    Random random(sizes.height() * 31 + sizes.rows.kernel * 7 + sizes.in_channels);
    // Mostly of one sign, so that the rounding errors of long chains of additions do not cancel.
    x.fill(random, 1, 0.5f);
    weight.fill(random);
    bias.fill(random);
    in_bias.fill(random);
    dy.fill(random, 1, 0.5f);
  }

  ConvolutionShape shape;
  Guarded x, weight, bias, in_bias, dy;
};

struct Results {
  explicit Results(const ConvolutionShape& shape)
      : y(shape.images * shape.out_image(), 3),
        dx(shape.images * shape.in_image(), 2),
        dweight(shape.groups * shape.group_weights(), 1),
        dbias(shape.groups * shape.out_channels, 5) {}

  void compute(const Kernels& kernels, const Problem& problem) {
    REQUIRE(batchnorm::convolution(kernels, problem.shape,
                                   {problem.x.data(), problem.weight.data(), problem.bias.data(),
                                    y.data()}) == Status::kOk);
    REQUIRE(batchnorm::convolution_input_gradient(kernels, problem.shape, problem.dy.data(),
                                                  problem.weight.data(), problem.in_bias.data(),
                                                  dx.data()) == Status::kOk);
    REQUIRE(batchnorm::convolution_weight_gradient(kernels, problem.shape, problem.x.data(),
                                                   problem.dy.data(), dweight.data(),
                                                   dbias.data()) == Status::kOk);
  }
  bool guards_intact() const {
    return y.guards_intact() && dx.guards_intact() && dweight.guards_intact() &&
           dbias.guards_intact();
  }

  Guarded y, dx, dweight, dbias;
};

std::string describe(const ConvolutionAxis& axis) {
  std::string text;
  for (size_t each :
       {axis.size, axis.out_size, axis.kernel, axis.stride, axis.dilation, axis.padding}) {
    text += std::to_string(each) + " ";
  }
  return text;
}

// A gradient that is added has the values of one that is computed and added afterwards.
void check_added_input_gradient(const Kernels& kernels, const Problem& problem) {
  const ConvolutionShape& shape = problem.shape;
  Guarded dx(problem.x.size(), 1), sum(dx.size(), 2);
  REQUIRE(batchnorm::convolution_input_gradient(kernels, shape, problem.dy.data(),
                                                problem.weight.data(), nullptr,
                                                dx.data()) == Status::kOk);
  Random random(dx.size());
  sum.fill(random);
  for (size_t i = 0; i < dx.size(); i++) dx[i] = sum[i] + dx[i];
  REQUIRE(batchnorm::convolution_input_gradient(kernels, shape, problem.dy.data(),
                                                problem.weight.data(), nullptr, sum.data(),
                                                true) == Status::kOk);
  CHECK(sum.guards_intact());
  CHECK(std::memcmp(sum.data(), dx.data(), dx.size() * sizeof(float)) == 0);
}

void check(const Kernels& kernels, const ConvolutionShape& shape) {
  const Problem problem(shape);
  Results results(shape);
  results.compute(kernels, problem);

  std::vector<double> y(problem.dy.size()), y_magnitude(y);
  std::vector<double> dx(problem.x.size()), dx_magnitude(dx);
  std::vector<double> dweight(problem.weight.size()), dweight_magnitude(dweight);
  std::vector<double> dbias(problem.bias.size()), dbias_magnitude(dbias);
  for (size_t i = 0; i < y.size(); i++) {
    const size_t channel = i / shape.out_plane() % problem.bias.size();
    y[i] = problem.bias[channel];
    y_magnitude[i] = std::fabs(y[i]);
    dbias[channel] += problem.dy[i];
    dbias_magnitude[channel] += std::fabs(problem.dy[i]);
  }
  for (size_t i = 0; i < dx.size(); i++) {
    dx[i] = problem.in_bias[i / shape.in_plane() % problem.in_bias.size()];
    dx_magnitude[i] = std::fabs(dx[i]);
  }
  const auto add = [](double product, double& sum, double& magnitude) {
    sum += product;
    magnitude += std::fabs(product);
  };
  check_added_input_gradient(kernels, problem);

  for_each_product(shape, [&](size_t i, size_t k, size_t j) {
    const double input = problem.x[i], weight = problem.weight[k], gradient = problem.dy[j];
    add(input * weight, y[j], y_magnitude[j]);
    add(gradient * weight, dx[i], dx_magnitude[i]);
    add(gradient * input, dweight[k], dweight_magnitude[k]);
  });

  CAPTURE(std::string(kernels.isa));
  CAPTURE(shape.images);
  CAPTURE(shape.groups);
  CAPTURE(shape.in_channels);
  CAPTURE(shape.out_channels);
  const std::string rows = describe(shape.rows), columns = describe(shape.columns);
  CAPTURE(rows);
  CAPTURE(columns);
  CHECK(results.guards_intact());
  CHECK(count_mismatches(results.y, y, y_magnitude) == 0);
  CHECK(count_mismatches(results.dx, dx, dx_magnitude) == 0);
  CHECK(count_mismatches(results.dweight, dweight, dweight_magnitude) == 0);
  CHECK(count_mismatches(results.dbias, dbias, dbias_magnitude) == 0);
}

// images, in_channels, height, width, out_channels, kernel, stride, padding
const ConvolutionShape kShapes[] = {
    square(1, 1, 1, 1, 1, 1, 1, 0),     square(2, 3, 32, 32, 16, 3, 1, 1),
    square(2, 16, 16, 16, 32, 3, 2, 1), square(2, 16, 8, 8, 20, 3, 1, 1),
    square(3, 5, 16, 16, 7, 1, 2, 0),   square(2, 3, 9, 11, 5, 1, 1, 0),
    square(2, 2, 7, 5, 3, 3, 1, 1),     square(3, 2, 4, 4, 6, 3, 1, 1),
    square(3, 4, 2, 2, 9, 3, 2, 1),     square(2, 3, 8, 10, 4, 2, 2, 0),
    square(2, 3, 13, 17, 5, 5, 3, 2),   square(1, 2, 12, 19, 3, 4, 1, 0),
    square(2, 2, 6, 6, 3, 1, 3, 1),     square(1, 2, 5, 7, 2, 2, 5, 3),
    square(1, 3, 3, 3, 2, 5, 1, 1),     square(2, 2, 3, 23, 4, 3, 2, 4),
    square(1, 1, 1, 300, 2, 3, 1, 1),   square(9, 30, 3, 3, 2, 3, 1, 0),
    square(1, 2, 300, 2, 1, 3, 4, 1),   square(17, 1, 5, 5, 1, 3, 1, 2),
    square(1, 600, 4, 5, 2, 1, 1, 0),   square(1, 2, 1, 1, 2, 3, 1, 1),
    square(2, 1, 20, 33, 1, 7, 2, 3),   square(1, 3, 10, 10, 2, 3, 20, 6)};

}  // namespace

TEST_CASE("convolution: every shape against double precision") {
  FOR_EACH_ISA(kernels) {
    for (const ConvolutionShape& shape : kShapes) check(kernels, shape);
  }
}

TEST_CASE("convolution: random shapes") {
  Random random(2012);
  const auto from_to = [&](size_t min, size_t max) {
    const float fraction = (random.next() + 1) / 2;
    return min + static_cast<size_t>(fraction * static_cast<float>(max - min + 1));
  };
  for (size_t i = 0; i < 120; i++) {
    ConvolutionShape shape = {};
    shape.images = from_to(1, 5);
    shape.groups = from_to(1, 3);
    shape.in_channels = from_to(1, 9);
    shape.out_channels = from_to(1, 18);
    for (ConvolutionAxis* each : {&shape.rows, &shape.columns}) {
      each->size = from_to(1, each == &shape.rows ? 20 : 40);
      each->kernel = from_to(1, 5);
      each->stride = from_to(1, 4);
      each->dilation = from_to(1, 4);
      each->padding = from_to(0, 3);
      // Whatever fits; some outputs may read only padding.
      each->out_size = from_to(1, each->size / each->stride + 2);
    }
    FOR_EACH_ISA(kernels) { check(kernels, shape); }
  }
}

TEST_CASE("convolution: axes that differ, dilation and groups") {
  const ConvolutionAxis signal = axis(1, 1, 1, 1, 0);
  FOR_EACH_ISA(kernels) {
    for (const ConvolutionShape& shape : {
             ConvolutionShape{2, 1, 3, 5, axis(9, 3, 1, 1, 1), axis(33, 5, 1, 1, 2)},
             ConvolutionShape{2, 1, 3, 5, axis(17, 1, 2, 1, 0), axis(12, 7, 3, 1, 3)},
             ConvolutionShape{2, 1, 4, 9, axis(33, 3, 1, 12, 12), axis(33, 3, 1, 12, 12)},
             // Dilation and stride with and without a common divisor.
             ConvolutionShape{2, 1, 2, 3, axis(15, 3, 2, 2, 2), axis(23, 4, 3, 2, 1)},
             ConvolutionShape{1, 1, 2, 3, axis(25, 4, 4, 6, 5), axis(40, 3, 6, 4, 4)},
             // Rows shorter than a vector.
             ConvolutionShape{3, 1, 5, 4, axis(7, 3, 1, 2, 2), axis(7, 3, 1, 3, 3)},
             ConvolutionShape{3, 1, 5, 4, axis(9, 3, 2, 3, 3), axis(11, 3, 2, 2, 2)},
             // Signals.
             ConvolutionShape{3, 1, 5, 9, signal, axis(130, 9, 1, 1, 4)},
             ConvolutionShape{3, 1, 5, 9, signal, axis(131, 5, 4, 3, 6)},
             ConvolutionShape{17, 3, 4, 8, axis(8, 3, 1, 1, 1), axis(16, 3, 1, 1, 1)},
             ConvolutionShape{2, 5, 3, 1, axis(10, 3, 2, 1, 1), axis(9, 3, 2, 1, 1)},
             // An asymmetric padding: outputs beyond those of the padding before.
             ConvolutionShape{2, 2, 2, 3, {6, 8, 4, 1, 1, 2}, {7, 4, 2, 2, 1, 0}},
         }) {
      check(kernels, shape);
    }
  }
}

TEST_CASE("convolution: depthwise, with one or several output channels per input channel") {
  const ConvolutionAxis signal = axis(1, 1, 1, 1, 0);
  FOR_EACH_ISA(kernels) {
    for (size_t multiplier : {1, 2, 3, 8}) {
      for (const ConvolutionShape& shape : {
               ConvolutionShape{2, 5, 1, multiplier, axis(16, 3, 1, 1, 1), axis(16, 3, 1, 1, 1)},
               // More groups of small planes than a block has.
               ConvolutionShape{3, 67, 1, multiplier, axis(7, 3, 1, 1, 1), axis(7, 3, 1, 1, 1)},
               ConvolutionShape{3, 67, 1, multiplier, axis(11, 3, 2, 1, 1), axis(11, 3, 2, 1, 1)},
               ConvolutionShape{2, 3, 1, multiplier, axis(9, 3, 1, 1, 0), axis(37, 5, 1, 1, 0)},
               ConvolutionShape{3, 33, 1, multiplier, axis(7, 3, 1, 1, 1), axis(7, 3, 1, 1, 1)},
               ConvolutionShape{3, 4, 1, multiplier, axis(2, 3, 1, 1, 1), axis(2, 3, 1, 1, 1)},
               ConvolutionShape{2, 4, 1, multiplier, axis(15, 3, 2, 1, 1), axis(40, 3, 2, 1, 1)},
               ConvolutionShape{2, 4, 1, multiplier, axis(15, 2, 3, 2, 1), axis(23, 3, 4, 3, 5)},
               ConvolutionShape{2, 2, 1, multiplier, axis(40, 3, 1, 7, 7), axis(40, 3, 1, 7, 7)},
               // Kernels of one pixel read x in place; more than 256 taps are several chains.
               ConvolutionShape{2, 3, 1, multiplier, axis(5, 1, 1, 1, 0), axis(70, 1, 1, 1, 0)},
               ConvolutionShape{1, 2, 1, multiplier, axis(20, 17, 1, 1, 8), axis(20, 17, 1, 1, 8)},
               ConvolutionShape{2, 3, 1, multiplier, signal, axis(3000, 7, 1, 1, 3)},
               ConvolutionShape{40, 3, 1, multiplier, signal, axis(130, 3, 1, 4, 4)},
           }) {
        check(kernels, shape);
      }
    }
  }
}

TEST_CASE("convolution: empty batches and no channels") {
  FOR_EACH_ISA(kernels) {
    for (const ConvolutionShape& shape :
         {square(0, 3, 8, 8, 4, 3, 1, 1), square(2, 0, 8, 8, 4, 3, 1, 1),
          square(2, 3, 8, 8, 0, 3, 1, 1),
          ConvolutionShape{2, 0, 3, 4, axis(8, 3, 1, 1, 1), axis(8, 3, 1, 1, 1)},
          ConvolutionShape{2, 2, 3, 4, {8, 0, 3, 1, 1, 1}, axis(8, 3, 1, 1, 1)}}) {
      check(kernels, shape);
    }
  }
}

// Rows of 16 and 32 pixels are whole vectors on every ISA, and 8 or 16 channels are whole tiles.
TEST_CASE("convolution: weight gradients whose lanes are pixels") {
  FOR_EACH_ISA(kernels) {
    for (const ConvolutionShape& shape :
         {square(3, 3, 32, 32, 16, 3, 1, 1), square(2, 5, 33, 32, 8, 3, 2, 1),
          square(3, 7, 16, 16, 16, 1, 1, 0), square(2, 4, 32, 32, 24, 1, 2, 0),
          square(5, 2, 8, 20, 8, 5, 1, 0), square(1, 1, 3, 2066, 8, 3, 1, 0),
          square(2, 300, 20, 16, 8, 1, 1, 0), square(9, 2, 12, 16, 16, 2, 1, 1)}) {
      check(kernels, shape);
    }
  }
}

TEST_CASE("convolution: strides and paddings whose squares overflow") {
  FOR_EACH_ISA(kernels) {
    check(kernels, square(1, 1, 1, 1, 8, 1, size_t{1} << 32, size_t{15} << 31));
  }
}

TEST_CASE(
    "convolution: 17 images, which do not divide evenly into 16 sections of the weight gradient") {
  FOR_EACH_ISA(kernels) check(kernels, square(17, 1, 46, 46, 1, 3, 1, 1));
}

TEST_CASE("convolution: no bias gives the same bits as a zero bias") {
  FOR_EACH_ISA(kernels) {
    Problem problem(square(2, 3, 9, 9, 5, 3, 1, 1));
    for (size_t i = 0; i < problem.bias.size(); i++) problem.bias[i] = 0;
    Results with(problem.shape);
    with.compute(kernels, problem);
    Results without(problem.shape);
    batchnorm::convolution(kernels, problem.shape,
                           {problem.x.data(), problem.weight.data(), nullptr, without.y.data()});
    batchnorm::convolution_weight_gradient(kernels, problem.shape, problem.x.data(),
                                           problem.dy.data(), without.dweight.data(), nullptr);
    CHECK(std::memcmp(with.y.data(), without.y.data(), with.y.size() * sizeof(float)) == 0);
    CHECK(std::memcmp(with.dweight.data(), without.dweight.data(),
                      with.dweight.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("convolution: each parameter's gradient has the same bits without the other's") {
  FOR_EACH_ISA(kernels) {
    for (const ConvolutionShape& shape :
         {square(2, 3, 9, 9, 5, 3, 1, 1), square(0, 3, 9, 9, 5, 3, 1, 1)}) {
      const Problem problem(shape);
      Results both(shape), one(shape);
      both.compute(kernels, problem);
      const auto compute = [&](float* dweight, float* dbias) {
        REQUIRE(batchnorm::convolution_weight_gradient(kernels, shape, problem.x.data(),
                                                       problem.dy.data(), dweight,
                                                       dbias) == Status::kOk);
      };
      compute(one.dweight.data(), nullptr);
      compute(nullptr, one.dbias.data());
      compute(nullptr, nullptr);
      CHECK(one.guards_intact());
      CHECK(std::memcmp(both.dweight.data(), one.dweight.data(),
                        both.dweight.size() * sizeof(float)) == 0);
      CHECK(std::memcmp(both.dbias.data(), one.dbias.data(), both.dbias.size() * sizeof(float)) ==
            0);
    }
  }
}

TEST_CASE("convolution: the same bits for any number of threads") {
  const size_t before = batchnorm::thread_count();
  const size_t elements = batchnorm::elements_per_thread();
  batchnorm::set_elements_per_thread(1);
  FOR_EACH_ISA(kernels) {
    for (const ConvolutionShape& shape :
         {square(1, 3, 40, 37, 5, 3, 1, 1), square(5, 4, 19, 16, 9, 3, 2, 1),
          square(19, 8, 8, 8, 12, 3, 1, 1), square(19, 5, 16, 16, 16, 3, 1, 1),
          ConvolutionShape{7, 9, 1, 1, axis(19, 3, 1, 1, 1), axis(21, 3, 1, 1, 1)},
          ConvolutionShape{9, 130, 1, 1, axis(7, 3, 1, 1, 1), axis(7, 3, 1, 1, 1)},
          ConvolutionShape{19, 2, 1, 2, axis(46, 3, 2, 1, 1), axis(46, 3, 1, 1, 1)},
          ConvolutionShape{5, 4, 6, 5, axis(13, 3, 1, 1, 1), axis(16, 3, 1, 1, 1)}}) {
      const Problem problem(shape);
      batchnorm::set_thread_count(1);
      Results one(shape);
      one.compute(kernels, problem);
      for (size_t threads : {2, 3, 8}) {
        batchnorm::set_thread_count(threads);
        Results several(shape);
        several.compute(kernels, problem);
        const auto same = [](const Guarded& a, const Guarded& b) {
          return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
        };
        CHECK(same(one.y, several.y));
        CHECK(same(one.dx, several.dx));
        CHECK(same(one.dweight, several.dweight));
        CHECK(same(one.dbias, several.dbias));
      }
    }
  }
  batchnorm::set_elements_per_thread(elements);
  batchnorm::set_thread_count(before);
}
