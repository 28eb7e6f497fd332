// Choices that must not change a bit of a convolution: whether the lanes of a tile hold pixels or
// channels, whether the weights were packed before, in how many parts it is computed, and whether
// the sum and the ReLU after it are computed together with it.
#include <algorithm>
#include <cmath>

#include "ops/convolution.h"
#include "ops/convolution_tasks.h"
#include "ops/correlation.h"
#include "support.h"
#include "system/cache_size.h"
#include "system/thread_pool.h"

using batchnorm::ConvolutionArguments;
using batchnorm::ConvolutionAxis;
using batchnorm::ConvolutionShape;
using batchnorm::Correlation;
using batchnorm::Kernels;
using batchnorm::Status;
using support::Guarded;
using support::Random;

namespace {

ConvolutionShape image(size_t images, size_t in_channels, size_t height, size_t width,
                       size_t out_channels, size_t kernel, size_t stride) {
  const auto axis = [&](size_t size) {
    const size_t padding = kernel / 2;
    return ConvolutionAxis{size,   (size + 2 * padding - kernel) / stride + 1, kernel, stride, 1,
                           padding};
  };
  return {images, 1, in_channels, out_channels, axis(height), axis(width)};
}

Correlation::Kernel kernel_of(const Kernels& kernels, const ConvolutionShape& shape) {
  return Correlation::kernel_for(kernels, batchnorm::input_window(shape), shape.groups,
                                 shape.out_channels, shape.in_channels * shape.taps());
}

// The sums as kernels.h defines them: in chains, each step rounded once.
std::vector<float> sums_of(const ConvolutionShape& s, const Guarded& x, const Guarded& weight,
                           const Guarded& bias) {
  std::vector<float> y(s.images * s.out_image());
  for (size_t i = 0; i < y.size(); i++) {
    const size_t column = i % s.out_width(), row = i / s.out_width() % s.out_height();
    const size_t o = i / s.out_plane() % s.out_channels, n = i / s.out_image();
    const size_t depth = s.in_channels * s.taps();
    float total = 0;
    for (size_t begin = 0; begin < depth; begin += batchnorm::kConvolutionChain) {
      float chain = 0;
      for (size_t k = begin; k < std::min(depth, begin + batchnorm::kConvolutionChain); k++) {
        const size_t t = k / s.columns.kernel % s.rows.kernel, u = k % s.columns.kernel;
        const size_t r = row * s.rows.stride + t - s.rows.padding;
        const size_t c = column * s.columns.stride + u - s.columns.padding;
        if (r >= s.height() || c >= s.width()) continue;
        const float input =
            x[((n * s.in_channels + k / s.taps()) * s.height() + r) * s.width() + c];
        chain = std::fma(weight[o * depth + k], input, chain);
      }
      total = begin == 0 ? chain : total + chain;
    }
    y[i] = total + bias[o];
  }
  return y;
}

struct Data {
  explicit Data(const ConvolutionShape& shape)
      : x(shape.images * shape.in_image(), 3),
        weight(shape.groups * shape.group_weights(), 1),
        bias(shape.groups * shape.out_channels, 2),
        residual(shape.images * shape.out_image(), 1) {
    Random random(shape.width() + shape.in_channels);
    for (Guarded* values : {&x, &weight, &bias, &residual}) values->fill(random);
  }

  Guarded x, weight, bias, residual;
};

template <class A, class B>
bool same_bits(const A& a, const B& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("convolution: tiles of pixels and of channels compute the same chains of sums") {
  FOR_EACH_ISA(kernels) {
    // Without a fused multiply-add each step is rounded twice.
    const bool fuses =
        std::string(kernels.isa) != "scalar" && std::string(kernels.isa) != "wasm128";
    bool by_channels = false;
    for (const ConvolutionShape& shape :
         {image(1, 30, 14, 14, 64, 3, 1), image(2, 57, 7, 7, 128, 3, 1),
          image(2, 60, 9, 28, 61, 3, 1), image(1, 100, 14, 28, 130, 3, 2),
          image(3, 300, 5, 7, 64, 1, 1), image(1, 40, 18, 18, 34, 3, 1),
          image(2, 29, 11, 12, 16, 3, 1), image(1, 3, 33, 32, 16, 3, 1)}) {
      by_channels = by_channels || kernel_of(kernels, shape) == Correlation::Kernel::kChannels;
      const Data data(shape);
      Guarded y(data.residual.size(), 2);
      REQUIRE(batchnorm::convolution(
                  kernels, shape,
                  {data.x.data(), data.weight.data(), data.bias.data(), y.data()}) == Status::kOk);
      CAPTURE(std::string(kernels.isa));
      CAPTURE(shape.width());
      CHECK(y.guards_intact());
      if (fuses) CHECK(same_bits(y, sums_of(shape, data.x, data.weight, data.bias)));
    }
    if (kernels.lanes > 1) CHECK(by_channels);
  }
}

TEST_CASE(
    "convolution: packed weights, a residual and a ReLU are bit-identical to separate operations") {
  const size_t before = batchnorm::thread_count();
  const size_t elements = batchnorm::elements_per_thread();
  batchnorm::set_elements_per_thread(1);
  FOR_EACH_ISA(kernels) {
    for (ConvolutionShape shape :
         {image(2, 30, 14, 14, 70, 3, 1), image(3, 8, 16, 16, 19, 3, 2), image(1, 5, 3, 4, 9, 3, 1),
          image(2, 0, 6, 6, 3, 1, 1), image(2, 2, 9, 9, 2, 3, 1), image(2, 4, 9, 17, 6, 3, 1)}) {
      // Groups with one channel each, and with several.
      if (shape.out_channels == 2 || shape.out_channels == 6) shape.groups = 3;
      const Data data(shape);
      Guarded sums(data.residual.size(), 1), with_residual(sums.size(), 1),
          with_relu(sums.size(), 1);
      REQUIRE(batchnorm::convolution(kernels, shape,
                                     {data.x.data(), data.weight.data(), data.bias.data(),
                                      sums.data()}) == Status::kOk);
      kernels.add.tensor(sums.data(), data.residual.data(), with_residual.data(), sums.size());
      kernels.relu(with_residual.data(), with_relu.data(), sums.size());
      const size_t packed_floats = batchnorm::packed_convolution_weights(kernels, shape);
      Guarded packed(packed_floats, 1);
      batchnorm::pack_convolution_weights(kernels, shape, data.weight.data(), packed.data());
      CHECK(packed.guards_intact());
      for (size_t threads : {1, 2, 5}) {
        batchnorm::set_thread_count(threads);
        for (const bool is_packed : {false, true}) {
          for (const bool relu : {false, true}) {
            Guarded y(sums.size(), 1);
            const ConvolutionArguments arguments = {data.x.data(),
                                                    is_packed ? packed.data() : data.weight.data(),
                                                    data.bias.data(),
                                                    y.data(),
                                                    is_packed,
                                                    data.residual.data(),
                                                    relu};
            REQUIRE(batchnorm::convolution(kernels, shape, arguments) == Status::kOk);
            CHECK(y.guards_intact());
            CHECK(same_bits(y, relu ? with_relu : with_residual));
          }
        }
      }
      batchnorm::set_thread_count(before);
    }
  }
  batchnorm::set_elements_per_thread(elements);
  batchnorm::set_thread_count(before);
}

TEST_CASE("convolution: weights that exceed the cache are used part by part, with the same bits") {
  const size_t before = batchnorm::thread_count();
  const size_t floats = batchnorm::cache_sizes().l2 / sizeof(float);
  // Three times as many weights as fit: of one strip each.
  const size_t channels = floats / 9 / 64 + 1;
  FOR_EACH_ISA(kernels) {
    if (kernels.lanes == 1) continue;
    for (const size_t width : {7, 8}) {
      const ConvolutionShape shape = image(3, channels, 3, width, 192, 3, 1);
      const Data data(shape);
      Guarded all(data.residual.size(), 1);
      batchnorm::set_thread_count(1);
      REQUIRE(batchnorm::convolution(kernels, shape,
                                     {data.x.data(), data.weight.data(), data.bias.data(),
                                      all.data()}) == Status::kOk);
      CHECK(all.guards_intact());
      // One image at a time has one band, which needs no parts.
      ConvolutionShape single = shape;
      single.images = 1;
      Guarded each(all.size(), 1);
      for (size_t i = 0; i < shape.images; i++) {
        batchnorm::convolution(kernels, single,
                               {data.x.data() + i * shape.in_image(), data.weight.data(),
                                data.bias.data(), each.data() + i * shape.out_image()});
      }
      CHECK(same_bits(all, each));
      batchnorm::set_thread_count(2);
      batchnorm::convolution(kernels, shape,
                             {data.x.data(), data.weight.data(), data.bias.data(), each.data()});
      CHECK(same_bits(all, each));
    }
  }
  batchnorm::set_thread_count(before);
}
