// Cases of convolutions and their gradients.
#include <algorithm>
#include <cstring>

#include "ops/convolution.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::ConvolutionAxis;
using batchnorm::ConvolutionShape;
using batchnorm::Status;

// Number of terms summed in one float32 chain: kConvolutionChain in convolution_tile, kChunkPixels
// in the weight gradient.
constexpr size_t kChain = 256;

size_t outputs(const ConvolutionShape& s) { return s.images * s.out_image(); }
size_t inputs(const ConvolutionShape& s) { return s.images * s.in_image(); }
size_t weights(const ConvolutionShape& s) { return s.groups * s.group_weights(); }
size_t out_channels(const ConvolutionShape& s) { return s.groups * s.out_channels; }

// The number of places of a kernel with the same padding on both sides.
size_t places(const ConvolutionAxis& axis) {
  return (axis.size + 2 * axis.padding - (axis.kernel - 1) * axis.dilation - 1) / axis.stride + 1;
}

// The smallest size for which the kernel has a place.
size_t min_size(const ConvolutionAxis& axis, size_t smallest) {
  const size_t extent = (axis.kernel - 1) * axis.dilation + 1;
  return std::max(smallest, extent - std::min(extent, 2 * axis.padding));
}

// A side of an image: small, large, or the minimum.
size_t choose_side(Choices& choices, size_t min_side) {
  const size_t side = choices.one_in(4) ? choices.below(300) : choices.below(36);
  return choices.one_in(8) ? min_side : std::max(side, min_side);
}

// Reduces sizes until the oracle, which needs one multiplication in double per multiplication of
// the kernel, is fast enough. `further` outputs are added to the places of the kernel.
void shrink(ConvolutionShape& s, const Setting& setting, size_t smallest, size_t further) {
  const auto is_too_large = [&] {
    s.rows.out_size = places(s.rows) + further;
    s.columns.out_size = places(s.columns) + further;
    const size_t products = outputs(s) * s.in_channels * s.taps();
    return products > 32 * setting.max_elements || outputs(s) > setting.max_elements ||
           inputs(s) > setting.max_elements;
  };
  size_t* const sizes[] = {&s.images, &s.in_channels, &s.out_channels, &s.rows.size,
                           &s.columns.size};
  const auto above_least = [&](const size_t* size) {
    const size_t floor = size == &s.rows.size      ? min_size(s.rows, smallest)
                         : size == &s.columns.size ? min_size(s.columns, smallest)
                                                   : 1;
    return *size - std::min(*size, floor);
  };
  while (is_too_large()) {
    size_t* const largest = *std::max_element(
        std::begin(sizes), std::end(sizes),
        [&](const size_t* a, const size_t* b) { return above_least(a) < above_least(b); });
    if (above_least(largest) == 0) break;
    *largest -= (above_least(largest) + 1) / 2;
  }
}

// A square kernel without dilation and groups.
ConvolutionShape choose_convolution(const Setting& setting) {
  Choices& choices = setting.choices;
  ConvolutionShape s = {};
  s.groups = 1;
  s.rows.kernel = 1 + choices.below(7);
  s.rows.stride = 1 + choices.below(4);
  s.rows.dilation = 1;
  s.rows.padding = choices.below(s.rows.kernel + 1);
  s.columns = s.rows;
  // A plane without pixels has outputs if the padding alone is as large as the kernel.
  const size_t smallest = choices.one_in(32) ? 0 : 1;
  const size_t min_side = min_size(s.rows, smallest);
  s.rows.size = choose_side(choices, min_side);
  s.columns.size = choose_side(choices, min_side);
  s.images = choices.flip() ? choices.below(4) : choices.below(40);
  s.in_channels = choices.flip() ? choices.below(5) : choices.below(71);
  s.out_channels = choices.flip() ? choices.below(5) : choices.below(71);

  // Rows of whole vectors, for which weight gradients use another kernel.
  if (choices.one_in(4)) {
    s.columns.size = 16 * (1 + choices.below(3)) * s.columns.stride + s.columns.kernel;
    s.columns.size -= std::min(s.columns.size - 1, 2 * s.columns.padding + 1);
    s.out_channels = 8 * (1 + choices.below(2));
  }
  shrink(s, setting, smallest, 0);
  return s;
}

ConvolutionAxis choose_axis(Choices& choices) {
  ConvolutionAxis axis = {};
  axis.kernel = 1 + choices.below(6);
  axis.stride = choices.flip() ? 1 : 1 + choices.below(6);
  axis.dilation = choices.flip() ? 1 : 1 + choices.below(6);
  axis.padding = choices.below((axis.kernel - 1) * axis.dilation + 2);
  axis.size = choose_side(choices, min_size(axis, 1));
  return axis;
}

// Axes that differ, dilation, groups, and outputs that read only padding.
ConvolutionShape choose_general_convolution(const Setting& setting) {
  Choices& choices = setting.choices;
  ConvolutionShape s = {};
  s.rows = choose_axis(choices);
  s.columns = choose_axis(choices);
  // Signals have one row.
  if (choices.one_in(4)) s.rows = {1, 0, 1, 1, 1, 0};
  s.images = choices.below(choices.flip() ? 4 : 20);
  s.groups = choices.below(choices.flip() ? 4 : 40);
  const bool depthwise = choices.flip();
  s.in_channels = depthwise ? 1 : choices.below(20);
  s.out_channels = choices.below(depthwise ? 3 : 20);
  shrink(s, setting, 1, choices.one_in(4) ? choices.below(3) : 0);
  if (inputs(s) > setting.max_elements || outputs(s) > setting.max_elements) s.groups = 1;
  return s;
}

// Calls function(x index, weight index, y index) for every product of a convolution.
template <class Function>
void for_each_product(const ConvolutionShape& s, const Function& function) {
  const size_t out_height = s.out_height(), out_width = s.out_width();
  for (size_t y = 0; y < outputs(s); y++) {
    const size_t column = y % out_width, row = y / out_width % out_height;
    const size_t out_channel = y / s.out_plane() % out_channels(s);
    const size_t group = out_channel / s.out_channels;
    const size_t image = y / s.out_image();
    for (size_t i = 0; i < s.in_channels; i++) {
      const size_t plane = ((image * s.groups + group) * s.in_channels + i) * s.in_plane();
      const size_t taps = (out_channel * s.in_channels + i) * s.taps();
      for (size_t t = 0; t < s.rows.kernel; t++) {
        // Wraps around above the image.
        const size_t from = row * s.rows.stride + t * s.rows.dilation - s.rows.padding;
        if (from >= s.height()) continue;
        for (size_t u = 0; u < s.columns.kernel; u++) {
          const size_t pixel =
              column * s.columns.stride + u * s.columns.dilation - s.columns.padding;
          if (pixel >= s.width()) continue;
          function(plane + from * s.width() + pixel, taps + t * s.columns.kernel + u, y);
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
    if (bias != nullptr) expected[j].add(bias[j / s.out_plane() % out_channels(s)]);
    const std::string failure = compare_padded("y", j, y[j], expected[j], terms, terms, finite);
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_input_gradient(const ConvolutionShape& s, const Buffer& dy, const Buffer& weight,
                                 const float* bias, const Buffer& dx) {
  std::vector<Sum> expected(dx.size());
  for_each_product(s, [&](size_t i, size_t k, size_t j) {
    expected[i].add(static_cast<double>(dy[j]) * weight[k]);
  });
  const bool finite = all_finite(weight);
  const size_t terms = s.out_channels * s.taps();
  for (size_t i = 0; i < dx.size(); i++) {
    if (bias != nullptr) expected[i].add(bias[i / s.in_plane() % (s.groups * s.in_channels)]);
    const std::string failure = compare_padded("dx", i, dx[i], expected[i], terms, terms, finite);
    if (!failure.empty()) return failure;
  }
  return "";
}

// Adding the gradient to values, here its own in reverse order, is the same as adding it
// afterwards.
std::string check_added_input_gradient(const Setting& setting, const ConvolutionShape& s,
                                       const Buffer& dy, const Buffer& weight, const Buffer& dx) {
  Buffer sum = setting.buffer(dx.size());
  for (size_t i = 0; i < dx.size(); i++) sum[i] = dx[dx.size() - 1 - i];
  if (batchnorm::convolution_input_gradient(setting.kernels, s, dy.data(), weight.data(), nullptr,
                                            sum.data(), true) != Status::kOk) {
    return "out of memory";
  }
  for (size_t i = 0; i < dx.size(); i++) {
    const float expected = dx[dx.size() - 1 - i] + dx[i];
    if (sum[i] == expected || (std::isnan(sum[i]) && std::isnan(expected))) continue;
    return "adding dx differs from adding afterwards at " + std::to_string(i);
  }
  return guards({&sum});
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
  std::vector<Sum> sums(out_channels(s));
  std::vector<double> largest(out_channels(s));
  for (size_t j = 0; j < dy.size(); j++) {
    const size_t channel = j / s.out_plane() % out_channels(s);
    sums[channel].add(dy[j]);
    if (std::isfinite(dy[j])) largest[channel] = std::fmax(largest[channel], std::fabs(dy[j]));
  }
  for (size_t channel = 0; channel < out_channels(s); channel++) {
    if (largest[channel] > kMaxTerm) continue;
    const std::string failure = compare("dbias", channel, dbias[channel], sums[channel].value,
                                        1e-6 * sums[channel].size + kTiny);
    if (!failure.empty()) return failure;
  }
  return "";
}

using Choose = ConvolutionShape (*)(const Setting&);

// The forward pass or one of the gradients. Only general convolutions have a bias in the input
// gradient.
Outcome run(const Setting& setting, Choose choose, bool general) {
  Choices& choices = setting.choices;
  const char* const names[] = {"convolution", "convolution_input_gradient",
                               "convolution_weight_gradient"};
  const size_t which = choices.below(3);
  const bool has_bias = choices.flip();
  const ConvolutionShape s = choose(setting);
  const size_t biases = which == 1 ? s.groups * s.in_channels : out_channels(s);
  Buffer x = setting.buffer(inputs(s)), weight = setting.buffer(weights(s)),
         bias = setting.buffer(biases), y = setting.buffer(outputs(s));
  Outcome outcome = setting.outcome(
      names[which],
      {s.images, s.groups, s.in_channels, s.height(), s.width(), s.out_channels, s.out_height(),
       s.out_width(), s.rows.kernel, s.columns.kernel, s.rows.stride, s.columns.stride,
       s.rows.dilation, s.columns.dilation, s.rows.padding, s.columns.padding});
  Status status = Status::kOk;
  if (which != 1) fill(x, {s.images, s.groups * s.in_channels, s.in_plane()}, choices);
  if (which != 2) fill(weight, choices);
  if (which != 0) fill(y, {s.images, out_channels(s), s.out_plane()}, choices);
  if (which == 0) {
    fill_parameters(bias, choices);
    const float* added = has_bias ? bias.data() : nullptr;
    status = batchnorm::convolution(setting.kernels, s, {x.data(), weight.data(), added, y.data()});
    outcome.failure = guards({&x, &weight, &bias, &y});
    if (outcome.failure.empty()) outcome.failure = check_output(s, x, weight, added, y);
    outcome.digest = digest({&y});
  } else if (which == 1) {
    if (general) fill_parameters(bias, choices);
    const float* added = general && has_bias ? bias.data() : nullptr;
    status = batchnorm::convolution_input_gradient(setting.kernels, s, y.data(), weight.data(),
                                                   added, x.data());
    outcome.failure = guards({&x, &weight, &y});
    if (outcome.failure.empty()) outcome.failure = check_input_gradient(s, y, weight, added, x);
    if (outcome.failure.empty() && added == nullptr) {
      outcome.failure = check_added_input_gradient(setting, s, y, weight, x);
    }
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

// Compares the operations of compiled plans with the separate ones, which run() checks.
Outcome run_packed(const Setting& setting) {
  Choices& choices = setting.choices;
  const bool has_bias = choices.flip(), has_residual = choices.flip(), relu = choices.flip();
  const ConvolutionShape s =
      choices.flip() ? choose_convolution(setting) : choose_general_convolution(setting);
  Buffer x = setting.buffer(inputs(s)), weight = setting.buffer(weights(s)),
         bias = setting.buffer(out_channels(s)), residual = setting.buffer(outputs(s)),
         y = setting.buffer(outputs(s)), expected = setting.buffer(outputs(s)),
         packed = setting.buffer(packed_convolution_weights(setting.kernels, s));
  Outcome outcome = setting.outcome(
      "convolution with packed weights",
      {s.images, s.groups, s.in_channels, s.height(), s.width(), s.out_channels, s.out_height(),
       s.out_width(), s.rows.kernel, s.columns.kernel, s.rows.stride, s.columns.stride,
       s.rows.dilation, s.columns.dilation, s.rows.padding, s.columns.padding});
  fill(x, {s.images, s.groups * s.in_channels, s.in_plane()}, choices);
  fill(residual, {s.images, out_channels(s), s.out_plane()}, choices);
  fill(weight, choices);
  fill_parameters(bias, choices);
  const float* added = has_bias ? bias.data() : nullptr;
  pack_convolution_weights(setting.kernels, s, weight.data(), packed.data());
  const Status status = convolution(setting.kernels, s,
                                    {x.data(), packed.data(), added, y.data(), true,
                                     has_residual ? residual.data() : nullptr, relu});
  if (status != Status::kOk ||
      convolution(setting.kernels, s, {x.data(), weight.data(), added, expected.data()}) !=
          Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  float* const all = expected.data();
  if (has_residual) setting.kernels.add.tensor(all, residual.data(), all, expected.size());
  if (relu) setting.kernels.relu(all, all, expected.size());
  outcome.failure = guards({&x, &weight, &bias, &residual, &y, &packed});
  if (outcome.failure.empty() && std::memcmp(all, y.data(), y.size() * sizeof(float)) != 0) {
    outcome.failure = "differs from separate operations";
  }
  outcome.digest = digest({&y});
  return outcome;
}

}  // namespace

Outcome run_packed_convolution(const Setting& setting) { return run_packed(setting); }

Outcome run_convolution(const Setting& setting) { return run(setting, choose_convolution, false); }

Outcome run_general_convolution(const Setting& setting) {
  return run(setting, choose_general_convolution, true);
}

}  // namespace stress
