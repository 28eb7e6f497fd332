// Mean and sum of squared deviations of a channel, normally in one pass.
//
// The pass sums deviations from a shift and their squares (Chan, Golub, LeVeque: Algorithms for
// computing the sample variance, 1983, eq. 1.7). Its error grows with the distance between shift
// and mean. The shift is therefore the mean of a sample from all over the channel, and the sums
// show how good it was. If it was bad, for example because of an outlier in the sample, the channel
// is read again with the mean from the first pass as shift.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "kernels.h"
#include "ops/channel_chunks.h"

namespace batchnorm {

// m2 is the sum of the squared deviations from the mean.
struct Moments {
  double count;
  double mean;
  double m2;
};

// Estimates the means of neighboring channels, the first of which begins at x[0], from a sample;
// exact for a constant channel. The sample consists of short, evenly spread runs, since
// neighboring pixels are similar, as are pixels of one image. It touches at most about a sixteenth
// of the cache lines, because scattered reads are slow. Planes smaller than a cache line share it
// with other channels, so more runs cost nothing there.
inline void sample_means(const float* x, const ImageShape& shape, size_t channels, float* means) {
  constexpr size_t kMaxPixels = 8;
  const size_t count = shape.images * shape.plane;
  // Of one pixel each, up to 64 runs: a mean that is off by more than half a deviation costs
  // another pass, whose strides are large. That happens to one channel in 25 with 16 of 256 values,
  // to one in 400 with 32.
  const size_t fewest = std::clamp<size_t>(count / 4, 16, 32);
  const size_t small_runs = shape.plane > 1 ? 16 : std::clamp<size_t>(count / 16, fewest, 64);
  const size_t runs = shape.plane < 16 ? small_runs : std::min<size_t>(8, count / 256 + 1);
  const size_t pixels = std::min(kMaxPixels, shape.plane);
  float sums[kMaxChannels * kMaxPixels];
  std::fill_n(sums, channels * pixels, 0.0f);
  for (size_t run = 0; run < runs; run++) {
    const size_t element = (2 * run + 1) * count / (2 * runs);
    const size_t image = element / shape.plane;
    const size_t pixel = std::min(element % shape.plane, shape.plane - pixels);
    const float* from = x + image * shape.channels * shape.plane + pixel;
    if (pixels == kMaxPixels) {
      for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < kMaxPixels; i++) {
          sums[c * kMaxPixels + i] += from[c * shape.plane + i] - x[c * shape.plane];
        }
      }
    } else if (shape.plane == 1) {
      // Eight channels together, which a compiler turns into vectors.
      size_t c = 0;
      for (; c + 8 <= channels; c += 8) {
        for (size_t i = 0; i < 8; i++) sums[c + i] += from[c + i] - x[c + i];
      }
      for (; c < channels; c++) sums[c] += from[c] - x[c];
    } else {
      for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < pixels; i++) {
          sums[c * pixels + i] += from[c * shape.plane + i] - x[c * shape.plane];
        }
      }
    }
  }
  const float sampled = static_cast<float>(runs * pixels);
  if (shape.plane == 1) {
    for (size_t c = 0; c < channels; c++) means[c] = x[c] + sums[c] / sampled;
    return;
  }
  for (size_t c = 0; c < channels; c++) {
    float sum = 0;
    for (size_t i = 0; i < pixels; i++) sum += sums[c * pixels + i];
    means[c] = x[c * shape.plane] + sum / sampled;
  }
}

// For channels whose float sums overflow or contain Inf or NaN: the textbook two passes in double,
// which give the IEEE result, such as a finite mean for values near 3e38.
inline Moments moments_in_double(const float* x, const ImageShape& shape) {
  const double count = static_cast<double>(shape.images * shape.plane);
  const size_t stride = shape.channels * shape.plane;
  double sum = 0;
  for (size_t image = 0; image < shape.images; image++) {
    for (size_t i = 0; i < shape.plane; i++) sum += static_cast<double>(x[image * stride + i]);
  }
  const double mean = sum / count;
  double m2 = 0;
  for (size_t image = 0; image < shape.images; image++) {
    for (size_t i = 0; i < shape.plane; i++) {
      const double deviation = static_cast<double>(x[image * stride + i]) - mean;
      m2 += deviation * deviation;
    }
  }
  return {count, mean, m2};
}

// The moments of the channel whose first element is x[0], from its sums around `shift`;
// sums_around(shift) reads the channel again.
//
// The sums are within 7.8e-7 of the exact ones (row_sums.inl.h), so the variance is within 1e-6 if
// the squared distance between shift and mean is less than a quarter of the variance. If that fails
// although the shift is the float nearest to the mean, the values differ only in their last bits
// and all sums are exact.
template <class SumsAround>
Moments channel_moments(const float* x, const ImageShape& shape, float shift, ChannelSums sums,
                        const SumsAround& sums_around) {
  const double count = static_cast<double>(shape.images * shape.plane);
  constexpr size_t kMaxPasses = 4;
  for (size_t pass = 1;; pass++) {
    if (!std::isfinite(sums.products)) return moments_in_double(x, shape);
    const double distance = sums.sum / count;
    const double between = distance * sums.sum;
    const double mean = static_cast<double>(shift) + distance;
    const double m2 = std::max(0.0, sums.products - between);
    const float nearest = static_cast<float>(mean);
    if (between <= 0.25 * m2 || nearest == shift || pass == kMaxPasses) return {count, mean, m2};
    shift = nearest;
    sums = sums_around(shift);
  }
}

}  // namespace batchnorm
