// The four kernels on planes of one pixel, where lanes are channels, against double precision.
#include "support.h"

using batchnorm::Block;
using batchnorm::GradientSums;
using batchnorm::Moments;
using support::Guarded;
using support::Random;

namespace {

// Channels around whole vectors, and around the four that are taken together.
std::vector<size_t> channel_counts(size_t lanes) {
  return {1,         lanes - 1,     lanes,        lanes + 1, 2 * lanes, 4 * lanes - 1,
          4 * lanes, 4 * lanes + 1, 9 * lanes + 3};
}

// Some of the channels of a tensor that has more.
Block block_of(size_t images, size_t channels, size_t stride) {
  return {images, channels, 1, stride, 1};
}

}  // namespace

TEST_CASE("moments of columns: channels around vectors, images around flushes, outliers") {
  FOR_EACH_ISA(kernels) {
    for (size_t channels : channel_counts(kernels.lanes)) {
      if (channels == 0) continue;
      for (size_t images : {2, 12, 13, 100}) {
        const size_t stride = channels + 5;
        Random random(channels * 37 + images);
        Guarded x(images * stride, 3);
        x.fill(random, 1.0f, 50.0f);
        x[0] = 1e4f;  // the first value of the first channel is a bad guess of its mean
        std::vector<Moments> got(channels);
        kernels.moments(x.data(), block_of(images, channels, stride), got.data());
        for (size_t c = 0; c < channels; c++) {
          double mean = 0, m2 = 0;
          for (size_t n = 0; n < images; n++) mean += x[n * stride + c] / double(images);
          for (size_t n = 0; n < images; n++) {
            m2 += (x[n * stride + c] - mean) * (x[n * stride + c] - mean);
          }
          CAPTURE(channels);
          CAPTURE(images);
          CAPTURE(c);
          CHECK(got[c].count == double(images));
          CHECK(support::near(got[c].mean, mean, 1e-6 * std::sqrt(m2 / double(images))));
          CHECK(support::near(got[c].m2, m2, 1e-6 * m2));
        }
      }
    }
  }
}

TEST_CASE("moments of columns: constants, NaN and Inf stay in their channel") {
  FOR_EACH_ISA(kernels) {
    const size_t channels = 4 * kernels.lanes + 2;
    Guarded x(20 * channels);
    for (size_t i = 0; i < x.size(); i++) x[i] = 0.1f * float(i % channels);
    x[5 * channels + 1] = NAN;
    x[7 * channels + channels - 1] = INFINITY;
    std::vector<Moments> got(channels);
    kernels.moments(x.data(), block_of(20, channels, channels), got.data());
    for (size_t c = 0; c < channels; c++) {
      if (c == 1 || c == channels - 1) {
        CHECK(!std::isfinite(got[c].m2));
      } else {
        CHECK(got[c].mean == double(x[c]));
        CHECK(got[c].m2 == 0.0);
      }
    }
  }
}

TEST_CASE("gradient_sums of columns: within 1e-6 of the sums of magnitudes") {
  FOR_EACH_ISA(kernels) {
    for (size_t channels : channel_counts(kernels.lanes)) {
      if (channels == 0) continue;
      for (size_t images : {1, 12, 13, 100}) {
        const size_t stride = channels + 3;
        Random random(channels * 41 + images);
        Guarded x(images * stride, 1), dy(images * stride, 2), mean(channels, 3);
        x.fill(random, 2.0f, 10.0f);
        dy.fill(random, 1.0f, 3.0f);
        mean.fill(random, 0.1f, 10.0f);
        std::vector<GradientSums> got(channels);
        kernels.gradient_sums(x.data(), dy.data(), mean.data(), block_of(images, channels, stride),
                              got.data());
        for (size_t c = 0; c < channels; c++) {
          double sum = 0, product = 0, sum_size = 0, product_size = 0;
          for (size_t n = 0; n < images; n++) {
            const double g = dy[n * stride + c];
            const double p = g * (double(x[n * stride + c]) - double(mean[c]));
            sum += g;
            product += p;
            sum_size += std::fabs(g);
            product_size += std::fabs(p);
          }
          CHECK(support::near(got[c].dy, sum, 1e-6 * sum_size));
          CHECK(support::near(got[c].dy_x, product, 1e-6 * product_size));
        }
      }
    }
  }
}

TEST_CASE(
    "normalize and input_gradient of columns: in place too, guards and other channels intact") {
  FOR_EACH_ISA(kernels) {
    for (size_t channels : channel_counts(kernels.lanes)) {
      if (channels == 0) continue;
      const size_t images = 3;
      const size_t stride = channels + 2;
      Random random(channels);
      Guarded x(images * stride, 1), dy(images * stride, 2), out(images * stride, 3);
      Guarded mean(channels, 1), scale(channels, 2), shift(channels, 3), dy_mean(channels),
          slope(channels);
      for (Guarded* each : {&x, &dy, &mean, &scale, &shift, &dy_mean, &slope}) each->fill(random);
      out.fill(random, 0.0f, 77.0f);
      const Block block = block_of(images, channels, stride);

      kernels.normalize(x.data(), out.data(), block, {mean.data(), scale.data(), shift.data()});
      CHECK(out.guards_intact());
      for (size_t n = 0; n < images; n++) {
        for (size_t c = 0; c < stride; c++) {
          const size_t i = n * stride + c;
          const double expected =
              c < channels ? (double(x[i]) - mean[c]) * scale[c] + shift[c] : 77;
          CHECK(support::near(out[i], expected, 1e-6));
        }
      }

      const batchnorm::InputGradient by = {mean.data(), dy_mean.data(), slope.data(), scale.data(),
                                           shift.data()};
      kernels.input_gradient(x.data(), dy.data(), out.data(), block, by);
      CHECK(out.guards_intact());
      for (size_t n = 0; n < images; n++) {
        for (size_t c = 0; c < stride; c++) {
          const size_t i = n * stride + c;
          const double expected =
              c < channels ? ((double(dy[i]) - dy_mean[c]) - (double(x[i]) - mean[c]) * slope[c]) *
                                     scale[c] +
                                 shift[c]
                           : 77;
          CHECK(support::near(out[i], expected, 1e-6));
        }
      }

      std::vector<float> expected(out.data(), out.data() + out.size());
      kernels.input_gradient(x.data(), dy.data(), dy.data(), block, by);
      for (size_t n = 0; n < images; n++) {
        for (size_t c = 0; c < channels; c++) CHECK(dy[n * stride + c] == expected[n * stride + c]);
      }
    }
  }
}
