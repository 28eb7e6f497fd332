// Batch norm's kernels on planes of one pixel, where lanes are channels, against double precision.
#include "support.h"

using batchnorm::Block;
using batchnorm::ChannelSums;
using support::Guarded;
using support::Random;

namespace {

// Channel counts around one vector, around the four vectors that are summed together, and many.
std::vector<size_t> channel_counts(size_t lanes) {
  return {1,         lanes - 1,     lanes,         lanes + 1, 2 * lanes,      4 * lanes - 1,
          4 * lanes, 4 * lanes + 1, 9 * lanes + 3, 512,       512 + lanes + 1};
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

// Rows without gaps, of fewer channels than lanes, which the kernels join.
TEST_CASE("many short rows: sums, normalized values and gradients") {
  FOR_EACH_ISA(kernels) {
    for (size_t channels = 1; channels < kernels.lanes; channels++) {
      for (size_t images : {127, 128, 1001}) {
        const size_t size = images * channels;
        Random random(channels * 43 + images);
        Guarded x(size, 1), dy(size, 2), out(size, 3), mean(channels, 1), scale(channels, 2),
            shift(channels, 3), dy_mean(channels), coefficient(channels);
        x.fill(random, 2.0f, 10.0f);
        mean.fill(random, 0.1f, 10.0f);
        for (Guarded* each : {&dy, &scale, &shift, &dy_mean, &coefficient}) each->fill(random);
        const Block block = block_of(images, channels, channels);
        CAPTURE(channels);
        CAPTURE(images);
        std::vector<ChannelSums> moments(channels), gradients(channels), passed(channels);
        kernels.shifted_moments(x.data(), mean.data(), block, moments.data());
        kernels.affine_gradient_sums(x.data(), dy.data(), mean.data(), block, gradients.data());
        const batchnorm::Normalization forward = {mean.data(), scale.data(), shift.data()};
        kernels.relu_affine_gradient_sums(x.data(), dy.data(), forward, block, passed.data());
        for (size_t c = 0; c < channels; c++) {
          double deviations = 0, deviations_size = 0, squares = 0;
          double sum = 0, sum_size = 0, product = 0, product_size = 0;
          double passed_sum = 0, passed_product = 0;
          for (size_t i = c; i < size; i += channels) {
            const double deviation = double(x[i]) - double(mean[c]);
            deviations += deviation;
            deviations_size += std::fabs(deviation);
            squares += deviation * deviation;
            sum += dy[i];
            sum_size += std::fabs(dy[i]);
            product += dy[i] * deviation;
            product_size += std::fabs(dy[i] * deviation);
            // The sign is that of the float32 value.
            if (std::fma(x[i] - mean[c], scale[c], shift[c]) <= 0) continue;
            passed_sum += dy[i];
            passed_product += dy[i] * deviation;
          }
          CHECK(support::near(moments[c].sum, deviations, 8e-7 * deviations_size));
          CHECK(support::near(moments[c].products, squares, 8e-7 * squares));
          CHECK(support::near(gradients[c].sum, sum, 1e-6 * sum_size));
          CHECK(support::near(gradients[c].products, product, 1e-6 * product_size));
          CHECK(support::near(passed[c].sum, passed_sum, 1e-6 * sum_size));
          CHECK(support::near(passed[c].products, passed_product, 1e-6 * product_size));
        }

        kernels.normalize(x.data(), out.data(), block, forward, false);
        CHECK(out.guards_intact());
        for (size_t i = 0; i < size; i++) {
          const size_t c = i % channels;
          const double expected = (double(x[i]) - mean[c]) * scale[c] + shift[c];
          CHECK(support::near(out[i], expected, 4e-6));
        }
        kernels.normalize_relu(x.data(), dy.data(), out.data(), block, forward, false);
        CHECK(out.guards_intact());
        for (size_t i = 0; i < size; i++) {
          const size_t c = i % channels;
          const double expected = (double(x[i]) - mean[c]) * scale[c] + shift[c] + dy[i];
          CHECK(support::near(out[i], std::max(0.0, expected), 4e-6));
        }
        kernels.input_gradient(
            x.data(), dy.data(), out.data(), block,
            {mean.data(), dy_mean.data(), coefficient.data(), scale.data(), shift.data()}, false);
        CHECK(out.guards_intact());
        for (size_t i = 0; i < size; i++) {
          const size_t c = i % channels;
          const double expected =
              ((double(dy[i]) - dy_mean[c]) - (double(x[i]) - mean[c]) * coefficient[c]) *
                  scale[c] +
              shift[c];
          CHECK(support::near(out[i], expected, 4e-6));
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

TEST_CASE("normalize and input_gradient of columns: the same values when they bypass the caches") {
  FOR_EACH_ISA(kernels) {
    for (size_t channels : {16, 64, 80, 100}) {
      for (size_t misaligned : {0, 1}) {
        const size_t images = 5, size = images * channels;
        Random random(channels);
        Guarded x(size), dy(size), mean(channels), scale(channels), shift(channels);
        for (Guarded* each : {&x, &dy, &mean, &scale, &shift}) each->fill(random);
        // Two results that begin at a cache line, or behind one, with guards.
        alignas(64) float plain[5 * 100 + 32], streamed[5 * 100 + 32];
        std::fill_n(plain, size + 32, 7.0f);
        std::fill_n(streamed, size + 32, 7.0f);
        float* const targets[] = {plain + 16 + misaligned, streamed + 16 + misaligned};
        const Block block = block_of(images, channels, channels);
        const auto compare = [&](const char* what) {
          kernels.stream_fence();
          CAPTURE(what);
          CHECK(std::equal(plain, plain + size + 32, streamed));
          CHECK(plain[15 + misaligned] == 7.0f);
          CHECK(plain[16 + misaligned + size] == 7.0f);
        };
        const batchnorm::Normalization forward = {mean.data(), scale.data(), shift.data()};
        for (bool streaming : {false, true}) {
          kernels.normalize(x.data(), targets[streaming], block, forward, streaming);
        }
        compare("normalize");
        for (bool streaming : {false, true}) {
          kernels.normalize_relu(x.data(), dy.data(), targets[streaming], block, forward,
                                 streaming);
        }
        compare("normalize_relu");
        for (bool streaming : {false, true}) {
          kernels.input_gradient(
              x.data(), dy.data(), targets[streaming], block,
              {mean.data(), shift.data(), shift.data(), scale.data(), shift.data()}, streaming);
        }
        compare("input_gradient");
      }
    }
  }
}
