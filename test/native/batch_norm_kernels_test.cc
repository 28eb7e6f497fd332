// shifted_moments, normalize, affine_gradient_sums and input_gradient of every ISA, against double
// precision.
#include "support.h"

using batchnorm::Block;
using batchnorm::ChannelSums;
using support::Guarded;
using support::Random;

namespace {

// A tensor of images x channels planes of `length` floats, which begins `misalignment` floats after
// a cache line.
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

// Cases for kernels that write planes: lengths around vectors, results at any offset from a cache
// line, plain and streamed stores.
struct WrittenRow {
  size_t length;
  size_t misalignment;
  bool streaming;
};
std::vector<WrittenRow> written_rows(size_t lanes) {
  std::vector<WrittenRow> all;
  for (size_t length : support::edge_sizes(lanes)) {
    for (size_t misalignment : {0, 2, 8, 15}) {
      for (bool streaming : {false, true}) all.push_back({length, misalignment, streaming});
    }
  }
  return all;
}

}  // namespace

TEST_CASE("shifted_moments: lengths around vectors and flushes, unaligned, within 8e-7") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      if (length == 0) continue;  // summing kernels never get an empty block
      for (size_t images : {1, 3, 20}) {
        Random random(length * 31 + images);
        Image x(images, 2, length, length % 7);
        x.values.fill(random, 3.0f, 1000.0f);
        const float shift[] = {999.5f, 1001.25f};
        ChannelSums got[2] = {{-1, -1}, {-1, -1}};
        kernels.shifted_moments(x.values.data(), shift, x.block, got);
        for (size_t c = 0; c < 2; c++) {
          double sum = 0, size = 0, squares = 0;
          for (size_t n = 0; n < images; n++) {
            for (size_t i = 0; i < length; i++) {
              const double deviation = static_cast<double>(x.at(n, c, i)) - shift[c];
              sum += deviation;
              size += std::fabs(deviation);
              squares += deviation * deviation;
            }
          }
          CAPTURE(std::string(kernels.isa));
          CAPTURE(length);
          CAPTURE(images);
          CHECK(support::near(got[c].sum, sum, 8e-7 * size));
          CHECK(support::near(got[c].products, squares, 8e-7 * squares));
        }
      }
    }
  }
}

TEST_CASE("shifted_moments: a large term among small ones that all round in the same direction") {
  FOR_EACH_ISA(kernels) {
    for (size_t place : {0, 700, 4095}) {
      Image x(2, 1, 4096, 0);
      // Their squares are just over half the last bit of the sum that contains the large term.
      for (size_t i = 0; i < x.values.size(); i++) x.values[i] = 1.0001f;
      x.values[place] = 4096.0f;
      const float shift = 0;
      ChannelSums got;
      kernels.shifted_moments(x.values.data(), &shift, x.block, &got);
      double squares = 0;
      for (size_t i = 0; i < x.values.size(); i++) {
        squares += static_cast<double>(x.values[i]) * static_cast<double>(x.values[i]);
      }
      CHECK(support::near(got.products, squares, 8e-7 * squares));
    }
  }
}

TEST_CASE("shifted_moments: any number of channels up to kMaxChannels") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : {size_t{49}, 5 * kernels.lanes + 3}) {
      const size_t channels = batchnorm::kMaxChannels;
      Image x(7, channels, length, 0);
      Random random(length);
      x.values.fill(random);
      const std::vector<float> shift(channels, 0.25f);
      std::vector<ChannelSums> together(channels);
      kernels.shifted_moments(x.values.data(), shift.data(), x.block, together.data());
      for (size_t c = 0; c < channels; c++) {
        Block one = x.block;
        one.channels = 1;
        ChannelSums alone;
        kernels.shifted_moments(x.values.data() + c * length, shift.data(), one, &alone);
        CHECK(alone.sum == together[c].sum);
        CHECK(alone.products == together[c].products);
      }
    }
  }
}

TEST_CASE("normalize: every length and alignment, also in place, no write out of bounds") {
  FOR_EACH_ISA(kernels) {
    for (auto [length, misalignment, streaming] : written_rows(kernels.lanes)) {
      Random random(length);
      Image x(2, 3, length, 1);
      Image y(2, 3, length, misalignment);
      x.values.fill(random, 2.0f, 5.0f);
      const float mean[] = {4.5f, 5.5f, 5.0f};
      const float scale[] = {0.75f, -1.25f, 1.0f};
      const float shift[] = {0.1f, -0.2f, 0.3f};
      kernels.normalize(x.values.data(), y.values.data(), x.block, {mean, scale, shift}, streaming);
      kernels.stream_fence();
      CHECK(y.values.guards_intact());
      for (size_t n = 0; n < 2; n++) {
        for (size_t c = 0; c < 3; c++) {
          for (size_t i = 0; i < length; i++) {
            const double expected =
                (static_cast<double>(x.at(n, c, i)) - mean[c]) * scale[c] + shift[c];
            CHECK(support::near(y.at(n, c, i), expected, 1e-6));
          }
        }
      }
      kernels.normalize(x.values.data(), x.values.data(), x.block, {mean, scale, shift}, streaming);
      kernels.stream_fence();
      CHECK(x.values.guards_intact());
      for (size_t i = 0; i < x.values.size(); i++) CHECK(x.values[i] == y.values[i]);
    }
  }
}

TEST_CASE("affine_gradient_sums: within 1e-6 of the sums of magnitudes") {
  FOR_EACH_ISA(kernels) {
    for (size_t length : support::edge_sizes(kernels.lanes)) {
      if (length == 0) continue;
      for (float dy_offset : {0.0f, 100.0f}) {
        Random random(length + 7);
        Image x(3, 2, length, 1);
        Image dy(3, 2, length, 5);
        x.values.fill(random, 2.0f, 1000.0f);
        dy.values.fill(random, 1.0f, dy_offset);
        const float mean[] = {999.5f, 1000.25f};
        ChannelSums got[2] = {{-1, -1}, {-1, -1}};
        kernels.affine_gradient_sums(x.values.data(), dy.values.data(), mean, x.block, got);
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
          CHECK(support::near(got[c].sum, sum, 1e-6 * sum_size));
          CHECK(support::near(got[c].products, product, 1e-6 * product_size));
        }
      }
    }
  }
}

TEST_CASE(
    "input_gradient: every length and alignment, also in place of dy, no write out of bounds") {
  FOR_EACH_ISA(kernels) {
    for (auto [length, misalignment, streaming] : written_rows(kernels.lanes)) {
      Random random(length + 11);
      Image x(2, 3, length, 3);
      Image dy(2, 3, length, 1);
      Image dx(2, 3, length, misalignment);
      x.values.fill(random, 2.0f, 3.0f);
      dy.values.fill(random);
      const float mean[] = {3.1f, 2.9f, 3.0f};
      const float dy_mean[] = {0.25f, -0.5f, 0.0f};
      const float xhat_coefficient[] = {0.125f, 0.75f, -0.5f};
      const float scale[] = {1.5f, -0.5f, 1.0f};
      const float shift[] = {1e-3f, -2e-3f, 0.0f};
      const batchnorm::InputGradient params = {mean, dy_mean, xhat_coefficient, scale, shift};
      kernels.input_gradient(x.values.data(), dy.values.data(), dx.values.data(), x.block, params,
                             streaming);
      kernels.stream_fence();
      CHECK(dx.values.guards_intact());
      for (size_t n = 0; n < 2; n++) {
        for (size_t c = 0; c < 3; c++) {
          for (size_t i = 0; i < length; i++) {
            const double expected =
                ((static_cast<double>(dy.at(n, c, i)) - dy_mean[c]) -
                 (static_cast<double>(x.at(n, c, i)) - mean[c]) * xhat_coefficient[c]) *
                    scale[c] +
                shift[c];
            CHECK(support::near(dx.at(n, c, i), expected, 2e-6));
          }
        }
      }
      kernels.input_gradient(x.values.data(), dy.values.data(), dy.values.data(), x.block, params,
                             streaming);
      kernels.stream_fence();
      CHECK(dy.values.guards_intact());
      for (size_t i = 0; i < dx.values.size(); i++) CHECK(dy.values[i] == dx.values[i]);
    }
  }
}
