// Cases of convolutions and their gradients.
#include <algorithm>

#include "ops/convolution.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::ConvolutionShape;
using batchnorm::Status;

// Number of terms summed in one float32 chain: kConvolutionChain in convolution_tile, kChunkPixels
// in the weight gradient.
constexpr size_t kChain = 256;

size_t outputs(const ConvolutionShape& s) { return s.images * s.out_channels * s.out_plane(); }
size_t inputs(const ConvolutionShape& s) { return s.images * s.in_channels * s.in_plane(); }
size_t weights(const ConvolutionShape& s) { return s.out_channels * s.in_channels * s.taps(); }

// A side of an image: small, large, or the minimum.
size_t choose_side(Choices& choices, size_t min_side) {
  const size_t side = choices.one_in(4) ? choices.below(300) : choices.below(36);
  return choices.one_in(8) ? min_side : std::max(side, min_side);
}

ConvolutionShape choose_convolution(const Setting& setting) {
  Choices& choices = setting.choices;
  ConvolutionShape s = {};
  s.kernel = 1 + choices.below(7);
  s.stride = 1 + choices.below(4);
  s.padding = choices.below(s.kernel + 1);
  // A plane without pixels has outputs if the padding alone is as large as the kernel.
  const size_t smallest = choices.one_in(32) ? 0 : 1;
  const size_t min_side = std::max(smallest, s.kernel - std::min(s.kernel, 2 * s.padding));
  s.height = choose_side(choices, min_side);
  s.width = choose_side(choices, min_side);
  s.images = choices.flip() ? choices.below(4) : choices.below(40);
  s.in_channels = choices.flip() ? choices.below(5) : choices.below(71);
  s.out_channels = choices.flip() ? choices.below(5) : choices.below(71);

  // Rows of whole vectors, for which weight gradients use another kernel.
  if (choices.one_in(4)) {
    s.width = 16 * (1 + choices.below(3)) * s.stride + s.kernel;
    s.width -= std::min(s.width - 1, 2 * s.padding + 1);
    s.out_channels = 8 * (1 + choices.below(2));
  }

  // The oracle needs one multiplication in double per multiplication of the kernel.
  const auto is_too_large = [&] {
    const size_t products = outputs(s) * s.in_channels * s.taps();
    return products > 32 * setting.max_elements || outputs(s) > setting.max_elements ||
           inputs(s) > setting.max_elements;
  };
  size_t* const sizes[] = {&s.images, &s.in_channels, &s.out_channels, &s.height, &s.width};
  const auto above_least = [&](const size_t* size) {
    const size_t floor = size == &s.height || size == &s.width ? min_side : 1;
    return *size - std::min(*size, floor);
  };
  while (is_too_large()) {
    size_t* const largest = *std::max_element(
        std::begin(sizes), std::end(sizes),
        [&](const size_t* a, const size_t* b) { return above_least(a) < above_least(b); });
    if (above_least(largest) == 0) break;
    *largest -= (above_least(largest) + 1) / 2;
  }
  return s;
}

// Calls function(x index, weight index, y index) for every product of a convolution.
template <class Function>
void for_each_product(const ConvolutionShape& s, const Function& function) {
  const size_t out_height = s.out_height(), out_width = s.out_width();
  for (size_t y = 0; y < outputs(s); y++) {
    const size_t column = y % out_width, row = y / out_width % out_height;
    const size_t out_channel = y / s.out_plane() % s.out_channels;
    const size_t image = y / s.out_plane() / s.out_channels;
    for (size_t i = 0; i < s.in_channels; i++) {
      const size_t plane = (image * s.in_channels + i) * s.in_plane();
      const size_t taps = (out_channel * s.in_channels + i) * s.taps();
      for (size_t t = 0; t < s.kernel; t++) {
        const size_t from = row * s.stride + t - s.padding;  // wraps around above the image
        if (from >= s.height) continue;
        for (size_t u = 0; u < s.kernel; u++) {
          const size_t pixel = column * s.stride + u - s.padding;
          if (pixel >= s.width) continue;
          function(plane + from * s.width + pixel, taps + t * s.kernel + u, y);
        }
      }
    }
  }
}

// Roundings in a sum of `terms` products: within a chain, between chains, and a few more.
size_t roundings(size_t terms) { return std::min(terms, kChain) + terms / kChain + 3; }

// The zeros of the padding are multiplied as well, and Inf * 0 is NaN, so results may be nonfinite
// if the other factors are not all finite.
std::string compare_padded(const char* what, size_t index, double actual, const Sum& expected,
                           size_t terms, size_t chained, bool factors_finite) {
  if (!factors_finite && !std::isfinite(actual)) return "";
  return compare_sum(what, index, actual, expected, roundings(chained), terms);
}

bool all_finite(const Buffer& values) {
  for (size_t i = 0; i < values.size(); i++) {
    if (!std::isfinite(values[i])) return false;
  }
  return true;
}

std::string check_output(const ConvolutionShape& s, const Buffer& x, const Buffer& weight,
                         const float* bias, const Buffer& y) {
  std::vector<Sum> expected(y.size());
  for_each_product(s, [&](size_t i, size_t k, size_t j) {
    expected[j].add(static_cast<double>(x[i]) * weight[k]);
  });
  const bool finite = all_finite(weight);
  const size_t terms = s.in_channels * s.taps();
  for (size_t j = 0; j < y.size(); j++) {
    if (bias != nullptr) expected[j].add(bias[j / s.out_plane() % s.out_channels]);
    const std::string failure = compare_padded("y", j, y[j], expected[j], terms, terms, finite);
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_input_gradient(const ConvolutionShape& s, const Buffer& dy, const Buffer& weight,
                                 const Buffer& dx) {
  std::vector<Sum> expected(dx.size());
  for_each_product(s, [&](size_t i, size_t k, size_t j) {
    expected[i].add(static_cast<double>(dy[j]) * weight[k]);
  });
  const bool finite = all_finite(weight);
  const size_t terms = s.out_channels * s.taps();
  for (size_t i = 0; i < dx.size(); i++) {
    const std::string failure = compare_padded("dx", i, dx[i], expected[i], terms, terms, finite);
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_weight_gradient(const ConvolutionShape& s, const Buffer& x, const Buffer& dy,
                                  const Buffer& dweight, const float* dbias) {
  std::vector<Sum> expected(dweight.size());
  for_each_product(
      s, [&](size_t i, size_t k, size_t j) { expected[k].add(static_cast<double>(x[i]) * dy[j]); });
  const bool finite = all_finite(dy);
  const size_t terms = s.images * s.out_plane();
  for (size_t k = 0; k < dweight.size(); k++) {
    // The sums of chains are added in double.
    const std::string failure = compare_padded("dweight", k, dweight[k], expected[k], terms,
                                               std::min(terms, kChain), finite);
    if (!failure.empty()) return failure;
  }
  if (dbias == nullptr) return "";
  std::vector<Sum> sums(s.out_channels);
  std::vector<double> largest(s.out_channels);
  for (size_t j = 0; j < dy.size(); j++) {
    const size_t channel = j / s.out_plane() % s.out_channels;
    sums[channel].add(dy[j]);
    if (std::isfinite(dy[j])) largest[channel] = std::fmax(largest[channel], std::fabs(dy[j]));
  }
  for (size_t channel = 0; channel < s.out_channels; channel++) {
    if (largest[channel] > kMaxTerm) continue;
    const std::string failure = compare("dbias", channel, dbias[channel], sums[channel].value,
                                        1e-6 * sums[channel].size + kTiny);
    if (!failure.empty()) return failure;
  }
  return "";
}

}  // namespace

// The forward pass or one of the gradients.
Outcome run_convolution(const Setting& setting) {
  Choices& choices = setting.choices;
  const char* const names[] = {"convolution", "convolution_input_gradient",
                               "convolution_weight_gradient"};
  const size_t which = choices.below(3);
  const bool has_bias = choices.flip();
  const ConvolutionShape s = choose_convolution(setting);
  Buffer x = setting.buffer(inputs(s)), weight = setting.buffer(weights(s)),
         bias = setting.buffer(s.out_channels), y = setting.buffer(outputs(s));
  Outcome outcome = setting.outcome(names[which], {s.images, s.in_channels, s.height, s.width,
                                                   s.out_channels, s.kernel, s.stride, s.padding});
  Status status = Status::kOk;
  if (which != 1) fill(x, {s.images, s.in_channels, s.in_plane()}, choices);
  if (which != 2) fill(weight, choices);
  if (which != 0) fill(y, {s.images, s.out_channels, s.out_plane()}, choices);
  if (which == 0) {
    fill_parameters(bias, choices);
    const float* added = has_bias ? bias.data() : nullptr;
    status = batchnorm::convolution(setting.kernels, s, x.data(), weight.data(), added, y.data());
    outcome.failure = guards({&x, &weight, &bias, &y});
    if (outcome.failure.empty()) outcome.failure = check_output(s, x, weight, added, y);
    outcome.digest = digest({&y});
  } else if (which == 1) {
    status = batchnorm::convolution_input_gradient(setting.kernels, s, y.data(), weight.data(),
                                                   x.data());
    outcome.failure = guards({&x, &weight, &y});
    if (outcome.failure.empty()) outcome.failure = check_input_gradient(s, y, weight, x);
    outcome.digest = digest({&x});
  } else {
    float* const dbias = has_bias ? bias.data() : nullptr;
    if (!has_bias) bias.fill(0);
    status = batchnorm::convolution_weight_gradient(setting.kernels, s, x.data(), y.data(),
                                                    weight.data(), dbias);
    outcome.failure = guards({&x, &weight, &bias, &y});
    if (outcome.failure.empty()) outcome.failure = check_weight_gradient(s, x, y, weight, dbias);
    outcome.digest = digest({&weight, &bias});
  }
  if (status != Status::kOk) outcome.failure = "out of memory";
  return outcome;
}

}  // namespace stress
