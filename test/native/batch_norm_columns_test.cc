// Batch norm's kernels on planes of one pixel, where lanes are channels, against double precision.
#include "support.h"

using batchnorm::Block;
using batchnorm::ChannelSums;
using support::Guarded;
using support::Random;

namespace {

// Channel counts around one vector and around the four vectors that are summed together.
std::vector<size_t> channel_counts(size_t lanes) {
  return {1,         lanes - 1,     lanes,        lanes + 1, 2 * lanes, 4 * lanes - 1,
          4 * lanes, 4 * lanes + 1, 9 * lanes + 3};
}

// A block of `channels` channels of a tensor that has more.
Block block_of(size_t images, size_t channels, size_t stride) {
  return {images, channels, 1, stride, 1};
}

}  // namespace

TEST_CASE("shifted_moments of columns: channels around vectors, images around flushes") {
  FOR_EACH_ISA(kernels) {
    for (size_t channels : channel_counts(kernels.lanes)) {
      if (channels == 0) continue;
      for (size_t images : {1, 8, 9, 100}) {
        const size_t stride = channels + 5;
        Random random(channels * 37 + images);
        Guarded x(images * stride, 3), shift(channels, 1);
        x.fill(random, 1.0f, 50.0f);
        shift.fill(random, 0.25f, 50.0f);
        x[0] = 1e4f;
        std::vector<ChannelSums> got(channels);
        kernels.shifted_moments(x.data(), shift.data(), block_of(images, channels, stride),
                                got.data());
        for (size_t c = 0; c < channels; c++) {
          double sum = 0, size = 0, squares = 0;
          for (size_t n = 0; n < images; n++) {
            const double deviation = double(x[n * stride + c]) - double(shift[c]);
            sum += deviation;
            size += std::fabs(deviation);
            squares += deviation * deviation;
          }
          CAPTURE(channels);
          CAPTURE(images);
          CAPTURE(c);
          CHECK(support::near(got[c].sum, sum, 8e-7 * size));
          CHECK(support::near(got[c].products, squares, 8e-7 * squares));
        }
      }
    }
  }
}

TEST_CASE("shifted_moments of columns: NaN and Inf stay in their channel") {
  FOR_EACH_ISA(kernels) {
    const size_t channels = 4 * kernels.lanes + 2;
    Guarded x(20 * channels);
    for (size_t i = 0; i < x.size(); i++) x[i] = 0.1f * float(i % channels);
    const std::vector<float> shift(x.data(), x.data() + channels);
    x[5 * channels + 1] = NAN;
    x[7 * channels + channels - 1] = INFINITY;
    std::vector<ChannelSums> got(channels);
    kernels.shifted_moments(x.data(), shift.data(), block_of(20, channels, channels), got.data());
    for (size_t c = 0; c < channels; c++) {
      if (c == 1 || c == channels - 1) {
        CHECK(!std::isfinite(got[c].products));
      } else {
        CHECK(got[c].sum == 0.0);
        CHECK(got[c].products == 0.0);
      }
    }
  }
}

TEST_CASE("affine_gradient_sums of columns: within 1e-6 of the sums of magnitudes") {
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
        std::vector<ChannelSums> got(channels);
        kernels.affine_gradient_sums(x.data(), dy.data(), mean.data(),
                                     block_of(images, channels, stride), got.data());
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
          CHECK(support::near(got[c].sum, sum, 1e-6 * sum_size));
          CHECK(support::near(got[c].products, product, 1e-6 * product_size));
        }
      }
    }
  }
}

TEST_CASE(
    "normalize and input_gradient of columns: in place, too, without writing to other channels") {
  FOR_EACH_ISA(kernels) {
    for (size_t channels : channel_counts(kernels.lanes)) {
      if (channels == 0) continue;
      const size_t images = 3;
      const size_t stride = channels + 2;
      Random random(channels);
      Guarded x(images * stride, 1), dy(images * stride, 2), out(images * stride, 3);
      Guarded mean(channels, 1), scale(channels, 2), shift(channels, 3), dy_mean(channels),
          xhat_coefficient(channels);
      for (Guarded* each : {&x, &dy, &mean, &scale, &shift, &dy_mean, &xhat_coefficient})
        each->fill(random);
      out.fill(random, 0.0f, 77.0f);
      const Block block = block_of(images, channels, stride);

      kernels.normalize(x.data(), out.data(), block, {mean.data(), scale.data(), shift.data()},
                        false);
      CHECK(out.guards_intact());
      for (size_t n = 0; n < images; n++) {
        for (size_t c = 0; c < stride; c++) {
          const size_t i = n * stride + c;
          const double expected =
              c < channels ? (double(x[i]) - mean[c]) * scale[c] + shift[c] : 77;
          CHECK(support::near(out[i], expected, 1e-6));
        }
      }

      const batchnorm::InputGradient params = {mean.data(), dy_mean.data(), xhat_coefficient.data(),
                                               scale.data(), shift.data()};
      kernels.input_gradient(x.data(), dy.data(), out.data(), block, params, false);
      CHECK(out.guards_intact());
      for (size_t n = 0; n < images; n++) {
        for (size_t c = 0; c < stride; c++) {
          const size_t i = n * stride + c;
          const double expected = c < channels ? ((double(dy[i]) - dy_mean[c]) -
                                                  (double(x[i]) - mean[c]) * xhat_coefficient[c]) *
                                                         scale[c] +
                                                     shift[c]
                                               : 77;
          CHECK(support::near(out[i], expected, 1e-6));
        }
      }

      std::vector<float> expected(out.data(), out.data() + out.size());
      kernels.input_gradient(x.data(), dy.data(), dy.data(), block, params, false);
      for (size_t n = 0; n < images; n++) {
        for (size_t c = 0; c < channels; c++) CHECK(dy[n * stride + c] == expected[n * stride + c]);
      }
    }
  }
}
