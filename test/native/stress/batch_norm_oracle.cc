#include "stress/batch_norm_oracle.h"

#include <cmath>

#include "stress/comparison.h"

namespace stress {

namespace {

using batchnorm::ImageShape;

// One channel of an NCHW tensor.
struct Channel {
  Channel(const ImageShape& of, size_t index) : shape(of), channel(index) {}
  size_t place(size_t i) const {
    return (i / shape.plane * shape.channels + channel) * shape.plane + i % shape.plane;
  }
  size_t count() const { return shape.images * shape.plane; }

  const ImageShape& shape;
  size_t channel;
};

struct Statistics {
  double mean = 0;
  double variance = 0;
  double largest = 0;            // magnitude
  double largest_deviation = 0;  // from the mean
};

// Two passes, with a correction for the rounding error of the mean.
Statistics statistics(const float* x, const Channel& channel) {
  const double count = static_cast<double>(channel.count());
  Statistics result;
  for (size_t i = 0; i < channel.count(); i++) {
    const double value = x[channel.place(i)];
    result.mean += value / count;
    result.largest = std::fmax(result.largest, std::fabs(value));
  }
  double rest = 0;
  for (size_t i = 0; i < channel.count(); i++) rest += x[channel.place(i)] - result.mean;
  result.mean += rest / count;
  for (size_t i = 0; i < channel.count(); i++) {
    const double deviation = x[channel.place(i)] - result.mean;
    result.variance += deviation * deviation / count;
    result.largest_deviation = std::fmax(result.largest_deviation, std::fabs(deviation));
  }
  return result;
}

bool is_constant(const float* x, const Channel& channel) {
  for (size_t i = 1; i < channel.count(); i++) {
    if (x[channel.place(i)] != x[channel.place(0)]) return false;
  }
  return true;
}

// Whether a factor is a normal float32, which has full precision.
bool is_ordinary(double factor) {
  return factor == 0 || (std::fabs(factor) >= FLT_MIN && std::fabs(factor) <= FLT_MAX);
}

// Checks y = (x - mean) * factor + bias for a channel: the error may be 1e-6 times the larger of
// max|y - bias| and |bias|.
std::string check_normalized(const Channel& channel, const float* x, const float* y, double mean,
                             double factor, double bias) {
  double largest = 0, largest_deviation = 0;
  for (size_t i = 0; i < channel.count(); i++) {
    const double deviation = x[channel.place(i)] - mean;
    largest_deviation = std::fmax(largest_deviation, std::fabs(deviation));
    largest = std::fmax(largest, std::fabs(deviation * factor));
  }
  // Differences, factors or (without FMA) products that are out of range.
  if (largest_deviation > FLT_MAX / 2 || largest > FLT_MAX || !is_ordinary(factor)) return "";
  const double tolerance =
      1e-6 * std::fmax(largest, std::fabs(bias)) + kTiny * (2 + std::fabs(factor));
  for (size_t i = 0; i < channel.count(); i++) {
    const size_t place = channel.place(i);
    const double expected = (x[place] - mean) * factor + bias;
    if (!matches(y[place], expected, tolerance)) {
      return mismatch("y", place, y[place], expected, tolerance);
    }
  }
  return "";
}

std::string check_training_channel(const Channel& channel, const batchnorm::BatchNormTraining& call,
                                   float before_mean, float before_var) {
  const size_t c = channel.channel;
  const double count = static_cast<double>(channel.count());
  const Statistics of_x = statistics(call.x, channel);
  const double bias = call.bias[c];

  // NaN or Inf in x makes the whole channel NaN.
  if (!std::isfinite(of_x.variance)) {
    for (size_t i = 0; i < channel.count(); i++) {
      const size_t place = channel.place(i);
      if (!std::isnan(call.y[place])) return mismatch("y", place, call.y[place], NAN, 0);
    }
    return "";
  }

  const double deviation = std::sqrt(of_x.variance);
  // The mean is stored as two floats, which have 48 bits.
  const double mean_tolerance = 1e-6 * deviation + 1e-14 * std::fabs(of_x.mean) + 2 * kTiny;
  const double mean = static_cast<double>(call.mean[c]) + call.mean_low[c];
  if (!matches(mean, of_x.mean, mean_tolerance)) {
    return mismatch("mean", c, mean, of_x.mean, mean_tolerance);
  }

  const bool variance_holds = of_x.variance == 0 || (of_x.variance > 1e-30 && of_x.variance < 1e30);
  const double inv_std = 1 / std::sqrt(of_x.variance + call.epsilon);
  if (variance_holds) {
    const double tolerance = (0.5e-6 + kRounding) * inv_std;
    if (!matches(call.inv_std[c], inv_std, tolerance)) {
      return mismatch("inv_std", c, call.inv_std[c], inv_std, tolerance);
    }
  }
  if (call.running_mean != nullptr) {
    const double kept = 1 - call.momentum;
    const double running_mean = kept * before_mean + call.momentum * of_x.mean;
    const double tolerance =
        call.momentum * mean_tolerance + kRounding * std::fabs(running_mean) + 2 * kTiny;
    if (!matches(call.running_mean[c], running_mean, tolerance)) {
      return mismatch("running_mean", c, call.running_mean[c], running_mean, tolerance);
    }
  }
  if (call.running_var != nullptr && variance_holds) {
    const double moved = call.momentum * of_x.variance * count / (count - 1);
    const double running_var = (1 - call.momentum) * before_var + moved;
    const double tolerance = 1e-6 * moved + kRounding * std::fabs(running_var) + 2 * kTiny;
    if (!matches(call.running_var[c], running_var, tolerance)) {
      return mismatch("running_var", c, call.running_var[c], running_var, tolerance);
    }
  }

  const double factor = inv_std * call.scale[c];
  if (is_constant(call.x, channel) && is_ordinary(factor)) {
    for (size_t i = 0; i < channel.count(); i++) {
      const size_t place = channel.place(i);
      if (!matches(call.y[place], bias, 0)) {
        return mismatch("y of a constant channel", place, call.y[place], bias, 0);
      }
    }
    return "";
  }
  return check_normalized(channel, call.x, call.y, of_x.mean, factor, bias);
}

std::string check_backward_channel(const Channel& channel, const float* dy, double epsilon,
                                   const batchnorm::BatchNormBackward& call) {
  const size_t c = channel.channel;
  const double count = static_cast<double>(channel.count());
  const Statistics of_x = statistics(call.x, channel);
  const double inv_std = 1 / std::sqrt(of_x.variance + epsilon);
  double sum = 0, sum_size = 0, product = 0, product_size = 0;
  double largest_dy = 0;
  for (size_t i = 0; i < channel.count(); i++) {
    const size_t place = channel.place(i);
    const double x_hat = (call.x[place] - of_x.mean) * inv_std;
    sum += dy[place];
    sum_size += std::fabs(dy[place]);
    product += dy[place] * x_hat;
    product_size += std::fabs(dy[place] * x_hat);
    largest_dy = std::fmax(largest_dy, std::fabs(dy[place]));
  }

  // Inf or NaN in x or dy makes dscale and the whole channel of dx nonfinite.
  if (!std::isfinite(product)) {
    for (size_t i = 0; i < channel.count(); i++) {
      const size_t place = channel.place(i);
      if (std::isfinite(call.dx[place])) return mismatch("dx", place, call.dx[place], NAN, 0);
    }
    if (std::isfinite(call.dscale[c])) return mismatch("dscale", c, call.dscale[c], NAN, 0);
    return "";
  }
  if (largest_dy > kMaxTerm) return "";

  const double sum_tolerance = 1e-6 * sum_size + count * kTiny;
  if (!matches(call.dbias[c], sum, sum_tolerance)) {
    return mismatch("dbias", c, call.dbias[c], sum, sum_tolerance);
  }
  const double factor = call.scale[c] * inv_std;
  const double terms = 2 * largest_dy * of_x.largest_deviation;
  if (terms > kMaxTerm || of_x.largest_deviation > FLT_MAX / 2) return "";
  if (!is_ordinary(factor) || !is_ordinary(inv_std)) return "";

  // The mean may be off by 1e-6 standard deviations, and terms are rounded around its high part,
  // which matters if the mean is more than 1e4 standard deviations from zero.
  const double mean_tolerance =
      1e-6 * std::sqrt(of_x.variance) + 1e-6 * kRounding * std::fabs(of_x.mean) + kTiny;
  const double around = inv_std * mean_tolerance;
  const double underflow = count * kTiny * inv_std;
  const double product_tolerance = 1e-6 * product_size + around * sum_size + underflow + kTiny;
  if (!matches(call.dscale[c], product, product_tolerance)) {
    return mismatch("dscale", c, call.dscale[c], product, product_tolerance);
  }

  // If a value is sqrt(n) standard deviations from the mean, its gradient is larger than every dy,
  // and its rounding error is relative to its own magnitude.
  const double largest_x_hat = of_x.largest_deviation * inv_std;
  const double xhat_coefficient = product_size / count;
  const double largest =
      std::fabs(factor) * std::fmax(largest_dy, largest_x_hat * xhat_coefficient);
  // The kernel multiplies deviations by xhat_coefficient * inv_std, which must not overflow either.
  if (largest > FLT_MAX / 4 || xhat_coefficient * inv_std > FLT_MAX / 4) return "";
  const double coefficient_error = of_x.largest_deviation * (kTiny + (underflow * inv_std) / count);
  const double tolerance =
      4e-6 * largest + std::fabs(factor) * (coefficient_error + 2 * kTiny) + 2 * kTiny;
  for (size_t i = 0; i < channel.count(); i++) {
    const size_t place = channel.place(i);
    const double x_hat = (call.x[place] - of_x.mean) * inv_std;
    const double expected = factor * (dy[place] - sum / count - x_hat * product / count);
    if (!matches(call.dx[place], expected, tolerance)) {
      return mismatch("dx", place, call.dx[place], expected, tolerance);
    }
  }
  return "";
}

}  // namespace

std::string check_training(const ImageShape& shape, const batchnorm::BatchNormTraining& call,
                           const float* before_mean, const float* before_var) {
  for (size_t c = 0; c < shape.channels; c++) {
    const bool running = call.running_mean != nullptr;
    const std::string failure = check_training_channel(
        {shape, c}, call, running ? before_mean[c] : 0, running ? before_var[c] : 0);
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_inference(const ImageShape& shape, const float* x,
                            const batchnorm::BatchNormInference& call) {
  for (size_t c = 0; c < shape.channels; c++) {
    const double variance = call.running_var[c];
    const double factor = call.scale[c] / std::sqrt(variance + call.epsilon);
    const std::string failure =
        check_normalized({shape, c}, x, call.y, call.running_mean[c], factor, call.bias[c]);
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string check_backward(const ImageShape& shape, const float* dy, double epsilon,
                           const batchnorm::BatchNormBackward& call) {
  for (size_t c = 0; c < shape.channels; c++) {
    const std::string failure = check_backward_channel({shape, c}, dy, epsilon, call);
    if (!failure.empty()) return failure;
  }
  return "";
}

}  // namespace stress
