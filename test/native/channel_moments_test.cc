// Mean and variance of a channel from one pass around a sampled mean, on every ISA, against double
// precision.
#include "ops/channel_moments.h"

#include "support.h"

using batchnorm::ChannelSums;
using batchnorm::ImageShape;
using batchnorm::Moments;
using support::Guarded;
using support::Random;

namespace {

struct Tensor {
  explicit Tensor(const ImageShape& image) : shape(image), values(image.elements(), 1) {}
  float& at(size_t image, size_t channel, size_t i) {
    return values[(image * shape.channels + channel) * shape.plane + i];
  }
  void fill(float scale, float offset) {
    Random random(shape.elements());
    values.fill(random, scale, offset);
  }
  ImageShape shape;
  Guarded values;
};

struct Measured {
  std::vector<Moments> moments;
  size_t passes = 0;  // over all channels; a channel with a bad sample needs several
};

Measured measure(const batchnorm::Kernels& kernels, const Tensor& x) {
  const ImageShape& shape = x.shape;
  std::vector<float> shift(shape.channels);
  batchnorm::sample_means(x.values.data(), shape, shape.channels, shift.data());
  Measured result;
  for (size_t c = 0; c < shape.channels; c++) {
    const float* channel = x.values.data() + c * shape.plane;
    const auto sums_around = [&](float around) {
      result.passes++;
      ChannelSums sums;
      kernels.shifted_moments(
          channel, &around,
          {shape.images, 1, shape.plane, shape.channels * shape.plane, shape.plane}, &sums);
      return sums;
    };
    result.moments.push_back(
        batchnorm::channel_moments(channel, shape, shift[c], sums_around(shift[c]), sums_around));
  }
  return result;
}

// The contract: an error of at most 1e-6 standard deviations in the mean, 1e-6 relative in the
// variance.
void check(const batchnorm::Kernels& kernels, Tensor& x) {
  const std::vector<Moments> got = measure(kernels, x).moments;
  const double count = double(x.shape.images * x.shape.plane);
  for (size_t c = 0; c < x.shape.channels; c++) {
    double mean = 0, m2 = 0;
    for (size_t n = 0; n < x.shape.images; n++) {
      for (size_t i = 0; i < x.shape.plane; i++) mean += x.at(n, c, i) / count;
    }
    for (size_t n = 0; n < x.shape.images; n++) {
      for (size_t i = 0; i < x.shape.plane; i++) {
        m2 += (x.at(n, c, i) - mean) * (x.at(n, c, i) - mean);
      }
    }
    CAPTURE(std::string(kernels.isa));
    CAPTURE(x.shape.plane);
    CAPTURE(c);
    CHECK(got[c].count == count);
    CHECK(support::near(got[c].mean, mean, 1e-6 * std::sqrt(m2 / count)));
    CAPTURE(got[c].m2 / m2 - 1);
    CHECK(support::near(got[c].m2, m2, 1e-6 * m2));
  }
}

// Puts outliers at exactly those elements of a channel that the sample reads.
void outliers_in_sample(Tensor& x) {
  Tensor probe(x.shape);
  for (size_t i = 0; i < probe.values.size(); i++) probe.values[i] = 0;
  for (size_t i = 1; i < probe.values.size(); i++) {
    probe.values[i] = 1;
    float sample;
    batchnorm::sample_means(probe.values.data(), probe.shape, 1, &sample);
    probe.values[i] = 0;
    if (sample != 0) x.values[i] = 1e6f;
  }
}

}  // namespace

TEST_CASE("channel moments: planes of many sizes, one and several images") {
  FOR_EACH_ISA(kernels) {
    for (size_t plane : {1, 2, 7, 8, 49, 196, 5000}) {
      for (size_t images : {1, 3, 40}) {
        if (images * plane < 2) continue;
        Tensor x({images, 3, plane});
        x.fill(3.0f, 0.5f);
        check(kernels, x);
      }
    }
  }
}

TEST_CASE("channel moments: one pass suffices without outliers, for any mean") {
  FOR_EACH_ISA(kernels) {
    for (float mean : {0.0f, 1e4f}) {
      Tensor x({32, 20, 196});
      x.fill(1.0f, mean);
      CHECK(measure(kernels, x).passes == 20);
      check(kernels, x);
    }
  }
}

TEST_CASE("channel moments: an outlier inside or outside of the sample does not cost accuracy") {
  FOR_EACH_ISA(kernels) {
    for (float outlier : {1e4f, -1e8f, 1e18f}) {
      for (size_t place = 0; place < 500; place += 7) {
        Tensor x({2, 1, 250});
        x.fill(1.0f, 0.0f);
        x.values[place] = outlier;
        CAPTURE(outlier);
        CAPTURE(place);
        check(kernels, x);
      }
    }
  }
}

TEST_CASE("channel moments: a sample far from the mean is corrected by another pass") {
  FOR_EACH_ISA(kernels) {
    Tensor x({1, 1, 4096});
    x.fill(1.0f, 0.0f);
    outliers_in_sample(x);
    CHECK(measure(kernels, x).passes > 1);
    check(kernels, x);
  }
}

TEST_CASE(
    "channel moments: another pass keeps the variance accurate if the sample hits rare outliers") {
  FOR_EACH_ISA(kernels) {
    // The sample is 60 standard deviations off, and the squares of all other values round in the
    // same direction.
    Tensor x({1, 1, 262144});
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] = 0.1f;
    outliers_in_sample(x);
    check(kernels, x);
  }
}

TEST_CASE("channel moments: images whose means differ more than their pixels") {
  FOR_EACH_ISA(kernels) {
    Tensor x({32, 2, 49});
    x.fill(0.1f, 0.0f);
    for (size_t n = 0; n < 32; n++) {
      for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < 49; i++) x.at(n, c, i) += float(n);
      }
    }
    check(kernels, x);
  }
}

TEST_CASE("channel moments: variances from 1e-30 to 1e30") {
  FOR_EACH_ISA(kernels) {
    for (float scale : {2e-15f, 1e-8f, 1e8f, 1e15f}) {
      Tensor x({1, 1, 1000});
      x.fill(scale, 0.0f);
      check(kernels, x);
    }
  }
}

TEST_CASE("channel moments: values that differ only in their last bits") {
  FOR_EACH_ISA(kernels) {
    for (size_t every : {2, 3, 10, 499}) {
      Tensor x({2, 1, 1000});
      for (size_t i = 0; i < x.values.size(); i++) {
        x.values[i] = i % every == 0 ? 1e8f + 8 : 1e8f;
      }
      check(kernels, x);
    }
  }
}

TEST_CASE("channel moments: terms that all round in the same direction do not cause a bias") {
  FOR_EACH_ISA(kernels) {
    Tensor x({1, 1, 4096});
    for (size_t i = 0; i < x.values.size(); i++) x.values[i] = i % 2 == 0 ? 0.1f : -0.1f;
    check(kernels, x);
  }
}

TEST_CASE("channel moments: the mean of a constant channel is exact") {
  FOR_EACH_ISA(kernels) {
    for (float constant : {0.1f, 12345.678f, -1e-20f, 3e38f}) {
      for (size_t plane : {1, 49, 1000}) {
        Tensor x({3, 1, plane});
        for (size_t i = 0; i < x.values.size(); i++) x.values[i] = constant;
        const Moments got = measure(kernels, x).moments[0];
        CHECK(got.mean == double(constant));
        CHECK(got.m2 == 0.0);
      }
    }
  }
}

TEST_CASE("channel moments: values near the largest float have a finite mean") {
  FOR_EACH_ISA(kernels) {
    Tensor x({1, 1, 100});
    for (size_t i = 0; i < 100; i++) x.values[i] = i % 2 == 0 ? 3e38f : -2.5e38f;
    const Moments got = measure(kernels, x).moments[0];
    CHECK(support::near(got.mean, 0.25e38, 1e31));
    CHECK(std::isfinite(got.m2));
  }
}

TEST_CASE("channel moments: NaN and Inf stay in their channel") {
  FOR_EACH_ISA(kernels) {
    for (float bad : {NAN, INFINITY}) {
      for (size_t plane : {1, 37}) {
        Tensor x({20, 3, plane});
        x.fill(1.0f, 0.0f);
        x.at(7, 1, plane / 2) = bad;
        const std::vector<Moments> got = measure(kernels, x).moments;
        CHECK(std::isfinite(got[0].m2));
        CHECK(!std::isfinite(got[1].m2));
        CHECK(std::isfinite(got[2].m2));
      }
    }
  }
}
