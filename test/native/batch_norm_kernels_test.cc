// moments, normalize, gradient_sums and input_gradient of every ISA, against double precision.
#include "support.h"

using batchnorm::Block;
using batchnorm::GradientSums;
using batchnorm::Moments;
using support::Guarded;
using support::Random;

namespace {

// A tensor of `images` x `channels` planes of `length`, `misalignment` floats off a cache line.
struct Image {
  Image(size_t images, size_t channels, size_t length, size_t misalignment)
      : block{images, channels, length, channels * length, length},
        values(images * channels * length, misalignment) {}

  float at(size_t image, size_t channel, size_t i) const {
    return values[image * block.image_stride + channel * block.channel_stride + i];
  }

  Block block;
  Guarded values;
};

struct Reference {
  double mean = 0;
  double m2 = 0;
};

Reference reference_moments(const Image& x, size_t channel) {
  Reference result;
  const double count = static_cast<double>(x.block.images * x.block.length);
  for (size_t n = 0; n < x.block.images; n++) {
    for (size_t i = 0; i < x.block.length; i++) result.mean += x.at(n, channel, i) / count;
  }
  for (size_t n = 0; n < x.block.images; n++) {
    for (size_t i = 0; i < x.block.length; i++) {
      const double deviation = x.at(n, channel, i) - result.mean;
      result.m2 += deviation * deviation;
    }
  }
  return result;
}

// The contract: mean within 1e-6 of a standard deviation, variance within 1e-6 of itself.
void check_moments(const batchnorm::Kernels& kernels, const Image& x) {
  std::vector<Moments> got(x.block.channels);
  kernels.moments(x.values.data(), x.block, got.data());
  for (size_t c = 0; c < x.block.channels; c++) {
    const Reference expected = reference_moments(x, c);
    const double count = static_cast<double>(x.block.images * x.block.length);
    CAPTURE(std::string(kernels.isa));
    CAPTURE(x.block.length);
    CAPTURE(c);
    CHECK(got[c].count == count);
    CHECK(support::near(got[c].mean, expected.mean, 1e-6 * std::sqrt(expected.m2 / count)));
    CAPTURE(got[c].m2 / expected.m2 - 1);
    CHECK(support::near(got[c].m2, expected.m2, 1e-6 * expected.m2));
  }
}

}  // namespace

TEST_CASE("moments: lengths around vectors and flushes, unaligned, several channels and images") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      if (length == 0) continue;  // a chunk is never empty
      for (size_t images : {1, 3}) {
        Random random(length * 31 + images);
        Image x(images, 2, length, length % 7);
        x.values.fill(random, 3.0f, 0.5f);
        check_moments(kernels, x);
      }
    }
  }
}

TEST_CASE("moments: a mean of 1e4 deviations costs nothing") {
  FOR_EACH_ISA(kernels) {
    Random random(1);
    Image x(2, 1, 2000, 0);
    x.values.fill(random, 1.0f, 10000.0f);
    check_moments(kernels, x);
  }
}

TEST_CASE("moments: an outlier as first element costs nothing") {
  FOR_EACH_ISA(kernels) {
    for (float outlier : {1e4f, -1e8f, 1e18f}) {
      Random random(2);
      Image x(1, 1, 4096, 0);
      x.values.fill(random);
      x.values[0] = outlier;
      CAPTURE(outlier);
      check_moments(kernels, x);
    }
  }
}

TEST_CASE("moments: variances from 1e-30 to 1e30") {
  FOR_EACH_ISA(kernels) {
    for (float scale : {2e-15f, 1e-8f, 1e8f, 1e15f}) {
      Random random(3);
      Image x(1, 1, 1000, 0);
      x.values.fill(random, scale);
      check_moments(kernels, x);
    }
  }
}

TEST_CASE("moments: terms that all round the same way do not add up to a bias") {
  FOR_EACH_ISA(kernels) {
    Image x(1, 1, 4096, 0);
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] = i % 2 == 0 ? 0.1f : -0.1f;
    check_moments(kernels, x);
  }
}

TEST_CASE("moments: a constant is its own mean, exactly") {
  FOR_EACH_ISA(kernels) {
    for (float constant : {0.1f, 12345.678f, -1e-20f, 3e38f}) {
      for (size_t length : {size_t{1}, size_t{49}, size_t{1000}}) {
        Image x(3, 1, length, 1);
        for (size_t i = 0; i < x.values.size(); i++) x.values[i] = constant;
        Moments got;
        kernels.moments(x.values.data(), x.block, &got);
        CHECK(got.mean == static_cast<double>(constant));
        CHECK(got.m2 == 0.0);
      }
    }
  }
}

TEST_CASE("moments: values near the largest float have a finite mean") {
  FOR_EACH_ISA(kernels) {
    Image x(1, 1, 100, 0);
    for (size_t i = 0; i < 100; i++) x.values[i] = i % 2 == 0 ? 3e38f : 2.5e38f;
    Moments got;
    kernels.moments(x.values.data(), x.block, &got);
    const Reference expected = reference_moments(x, 0);
    CHECK(support::near(got.mean, expected.mean, 1e30));
    CHECK(std::isfinite(got.m2));
  }
}

TEST_CASE("moments: NaN and Inf stay in their channel") {
  FOR_EACH_ISA(kernels) {
    for (float bad : {NAN, INFINITY}) {
      Image x(2, 3, 37, 0);
      Random random(4);
      x.values.fill(random);
      x.values[37 + 5] = bad;  // image 0, channel 1
      Moments got[3];
      kernels.moments(x.values.data(), x.block, got);
      CHECK(std::isfinite(got[0].m2));
      CHECK(!std::isfinite(got[1].m2));
      CHECK(std::isfinite(got[2].m2));
    }
  }
}

TEST_CASE("normalize: every length and alignment, in place too, guards intact") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      Random random(length);
      Image x(2, 2, length, 1);
      Image y(2, 2, length, 2);
      x.values.fill(random, 2.0f, 5.0f);
      const float mean[] = {4.5f, 5.5f};
      const float scale[] = {0.75f, -1.25f};
      const float shift[] = {0.1f, -0.2f};
      kernels.normalize(x.values.data(), y.values.data(), x.block, {mean, scale, shift});
      CHECK(y.values.guards_intact());
      for (size_t n = 0; n < 2; n++) {
        for (size_t c = 0; c < 2; c++) {
          for (size_t i = 0; i < length; i++) {
            const double expected =
                (static_cast<double>(x.at(n, c, i)) - mean[c]) * scale[c] + shift[c];
            CHECK(support::near(y.at(n, c, i), expected, 1e-6));
          }
        }
      }
      kernels.normalize(x.values.data(), x.values.data(), x.block, {mean, scale, shift});
      CHECK(x.values.guards_intact());
      for (size_t i = 0; i < x.values.size(); i++) CHECK(x.values[i] == y.values[i]);
    }
  }
}

TEST_CASE("gradient_sums: within 1e-6 of the sums of magnitudes") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      for (float dy_offset : {0.0f, 100.0f}) {
        Random random(length + 7);
        Image x(3, 2, length, 1);
        Image dy(3, 2, length, 5);
        x.values.fill(random, 2.0f, 1000.0f);
        dy.values.fill(random, 1.0f, dy_offset);
        const float mean[] = {999.5f, 1000.25f};
        GradientSums got[2] = {{-1, -1}, {-1, -1}};
        kernels.gradient_sums(x.values.data(), dy.values.data(), mean, x.block, got);
        for (size_t c = 0; c < 2; c++) {
          double sum = 0, product = 0, sum_size = 0, product_size = 0;
          for (size_t n = 0; n < 3; n++) {
            for (size_t i = 0; i < length; i++) {
              const double g = dy.at(n, c, i);
              const double p = g * (static_cast<double>(x.at(n, c, i)) - mean[c]);
              sum += g;
              product += p;
              sum_size += std::fabs(g);
              product_size += std::fabs(p);
            }
          }
          CHECK(support::near(got[c].dy, sum, 1e-6 * sum_size));
          CHECK(support::near(got[c].dy_x, product, 1e-6 * product_size));
        }
      }
    }
  }
}

TEST_CASE("input_gradient: every length and alignment, over dy too, guards intact") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      Random random(length + 11);
      Image x(2, 2, length, 3);
      Image dy(2, 2, length, 1);
      Image dx(2, 2, length, 2);
      x.values.fill(random, 2.0f, 3.0f);
      dy.values.fill(random);
      const float mean[] = {3.1f, 2.9f};
      const float dy_mean[] = {0.25f, -0.5f};
      const float slope[] = {0.125f, 0.75f};
      const float scale[] = {1.5f, -0.5f};
      const float shift[] = {1e-3f, -2e-3f};
      const batchnorm::InputGradient by = {mean, dy_mean, slope, scale, shift};
      kernels.input_gradient(x.values.data(), dy.values.data(), dx.values.data(), x.block, by);
      CHECK(dx.values.guards_intact());
      for (size_t n = 0; n < 2; n++) {
        for (size_t c = 0; c < 2; c++) {
          for (size_t i = 0; i < length; i++) {
            const double expected = ((static_cast<double>(dy.at(n, c, i)) - dy_mean[c]) -
                                     (static_cast<double>(x.at(n, c, i)) - mean[c]) * slope[c]) *
                                        scale[c] +
                                    shift[c];
            CHECK(support::near(dx.at(n, c, i), expected, 2e-6));
          }
        }
      }
      kernels.input_gradient(x.values.data(), dy.values.data(), dy.values.data(), x.block, by);
      CHECK(dy.values.guards_intact());
      for (size_t i = 0; i < dx.values.size(); i++) CHECK(dy.values[i] == dx.values[i]);
    }
  }
}

TEST_CASE("stream: every length and alignment, guards intact") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      for (size_t misalignment : {0, 1, 8, 15}) {
        Random random(length);
        Guarded x(length, 3);
        Guarded y(length, misalignment);
        x.fill(random);
        kernels.stream(x.data(), y.data(), length);
        kernels.stream_fence();
        CHECK(y.guards_intact());
        CHECK(std::memcmp(x.data(), y.data(), length * sizeof(float)) == 0);
      }
    }
  }
}
