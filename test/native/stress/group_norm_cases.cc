// Cases of group, instance, layer and RMS norm, with their oracle in double.
#include "ops/group_norm.h"

#include <cstring>
#include <vector>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

using batchnorm::GroupNorm;
using batchnorm::GroupNormBackward;
using batchnorm::GroupShape;
using batchnorm::Status;

namespace {

bool is_ordinary(double factor) {
  return factor == 0 || (std::fabs(factor) >= FLT_MIN && std::fabs(factor) <= FLT_MAX);
}

// A sum of terms and of their magnitudes over all images, and its further tolerance; `holds` is
// false if a row is out of the range of float32.
struct ParameterSum {
  Sum sum;
  double tolerance = 0;
  bool holds = true;
};

// The row of a group: its statistics, and the terms of its gradients.
class Row {
 public:
  Row(const GroupShape& shape, size_t row, const GroupNorm& forward, const float* dy)
      : shape_(shape), row_(row), call_(forward), dy_(dy), length_(shape.row_length()) {
    if (call_.centered) {
      for (size_t i = 0; i < length_; i++) mean_ += x(i) / count();
      double rest = 0;
      for (size_t i = 0; i < length_; i++) rest += x(i) - mean_;
      mean_ += rest / count();
    }
    for (size_t i = 0; i < length_; i++) {
      const double deviation = x(i) - mean_;
      variance_ += deviation * deviation / count();
      largest_deviation_ = std::fmax(largest_deviation_, std::fabs(deviation));
      constant_ = constant_ && x(i) == x(0);
    }
    inv_std_ = 1 / std::sqrt(variance_ + call_.epsilon);
    // The mean may be off by 1e-6 deviations, and its high part rounds terms around it.
    around_ = call_.centered
                  ? 1e-6 * std::sqrt(variance_) + 1e-6 * kRounding * std::fabs(mean_) + kTiny
                  : 0;
  }

  std::string check_forward(const float* y) const {
    if (!std::isfinite(variance_)) return call_.centered ? check_nan(y) : "";
    if (!is_accurate()) return "";
    const double tolerance = (0.5e-6 + kRounding) * inv_std_;
    if (!matches(call_.inv_std[row_], inv_std_, tolerance)) {
      return mismatch("inv_std", row_, call_.inv_std[row_], inv_std_, tolerance);
    }
    const double mean = static_cast<double>(call_.mean[row_]) + call_.mean_low[row_];
    const double mean_tolerance = around_ + 1e-14 * std::fabs(mean_);
    if (!matches(mean, mean_, mean_tolerance)) {
      return mismatch("mean", row_, mean, mean_, mean_tolerance);
    }
    for (size_t i = 0; i < length_; i++) {
      const double scale = scale_of(i), bias = bias_of(i);
      const double largest = std::fabs(scale) * largest_deviation_ * inv_std_;
      if (!is_ordinary(scale * inv_std_) || !std::isfinite(bias) || largest > FLT_MAX / 2) continue;
      const bool exact = call_.centered && constant_;
      const double expected = xhat(i) * scale + bias;
      const double allowed = exact
                                 ? 0
                                 : 1e-6 * std::fmax(largest, std::fabs(bias)) +
                                       kTiny * (4 + std::fabs(scale) + std::fabs(scale * inv_std_));
      if (!matches(y[place(i)], exact ? bias : expected, allowed)) {
        return mismatch("y", place(i), y[place(i)], expected, allowed);
      }
    }
    return "";
  }

  std::string check_input_gradient(const float* dx) const {
    double sum = 0, products = 0, product_size = 0, largest_gradient = 0;
    for (size_t i = 0; i < length_; i++) {
      const double gradient = gradient_of(i);
      sum += gradient;
      products += gradient * xhat(i);
      product_size += std::fabs(gradient * xhat(i));
      // scale is applied to sums of dy as well as to dy.
      largest_gradient =
          std::fmax(largest_gradient, std::fmax(std::fabs(dy_[place(i)]), std::fabs(gradient)));
    }
    const double coefficient = product_size / count() * inv_std_;
    if (!is_accurate() || !std::isfinite(products)) return "";
    if (largest_gradient > kMaxTerm || coefficient > FLT_MAX / 4) return "";
    if (2 * largest_gradient * largest_deviation_ > kMaxTerm) return "";
    // A value far from the mean has a gradient that is larger than every dy.
    double largest_term = 0;
    for (size_t i = 0; i < length_; i++) {
      largest_term = std::fmax(largest_term, std::fabs(gradient_of(i)));
      if (!std::isfinite(scale_of(i)) || (scale_of(i) != 0 && !is_ordinary(scale_of(i)))) return "";
    }
    const double largest_xhat = largest_deviation_ * inv_std_;
    const double largest =
        inv_std_ * std::fmax(largest_term, largest_xhat * product_size / count());
    if (largest > FLT_MAX / 4) return "";
    double largest_scale = 1;
    for (size_t i = 0; i < length_; i++) {
      largest_scale = std::fmax(largest_scale, std::fabs(scale_of(i)));
    }
    // Of products, of the coefficient, and of the mean of dy.
    const double underflow =
        kTiny * largest_scale * inv_std_ *
        (4 + largest_deviation_ * (1 + inv_std_ * inv_std_) + 2 * largest_xhat);
    const double tolerance = 4e-6 * largest + underflow + 4 * kTiny;
    for (size_t i = 0; i < length_; i++) {
      const double centered = call_.centered ? sum / count() : 0;
      const double expected = inv_std_ * (gradient_of(i) - centered - xhat(i) * products / count());
      if (!matches(dx[place(i)], expected, tolerance)) {
        return mismatch("dx", place(i), dx[place(i)], expected, tolerance);
      }
    }
    return "";
  }

  // Adds this row's part of the gradients of scale and bias.
  void add_parameters(std::vector<ParameterSum>& dscale, std::vector<ParameterSum>& dbias) const {
    const double deviation = std::sqrt(variance_) * inv_std_;
    for (size_t i = 0; i < length_; i++) {
      const double dy = dy_[place(i)];
      ParameterSum& scales = dscale[parameter(i)];
      ParameterSum& biases = dbias[parameter(i)];
      biases.sum.add(dy);
      biases.holds = biases.holds && std::fabs(dy) <= kMaxTerm;
      scales.sum.add(dy * xhat(i));
      const double mean_error = call_.centered ? 1e-6 * deviation + around_ * inv_std_ : 0;
      scales.tolerance += std::fabs(dy) * mean_error + kTiny * (2 + inv_std_ + std::fabs(dy));
      scales.holds = scales.holds && is_accurate() && std::fabs(dy) <= kMaxTerm &&
                     std::fabs(dy) * std::fmax(largest_deviation_, 1) * 2 < kMaxTerm &&
                     std::fabs(dy * xhat(i)) < kMaxTerm;
    }
  }

 private:
  double x(size_t i) const { return call_.x[place(i)]; }
  size_t place(size_t i) const { return row_ * length_ + i; }
  size_t parameter(size_t i) const {
    return row_ % shape_.groups * shape_.channels + i / shape_.plane;
  }
  double scale_of(size_t i) const { return call_.scale == nullptr ? 1 : call_.scale[parameter(i)]; }
  double bias_of(size_t i) const { return call_.bias == nullptr ? 0 : call_.bias[parameter(i)]; }
  double gradient_of(size_t i) const { return dy_[place(i)] * scale_of(i); }
  double xhat(size_t i) const { return (x(i) - mean_) * inv_std_; }
  double count() const { return static_cast<double>(length_); }

  // Whether the contract holds: no square overflows or underflows, and the factor is ordinary.
  bool is_accurate() const {
    const bool variance_holds = variance_ == 0 || (variance_ > 1e-30 && variance_ < 1e30);
    return std::isfinite(variance_) && variance_holds && is_ordinary(inv_std_) &&
           largest_deviation_ < FLT_MAX / 4;
  }

  std::string check_nan(const float* y) const {
    for (size_t i = 0; i < length_; i++) {
      if (!std::isnan(y[place(i)])) return mismatch("y", place(i), y[place(i)], NAN, 0);
    }
    return "";
  }

  const GroupShape& shape_;
  size_t row_;
  const GroupNorm& call_;
  const float* dy_;
  size_t length_;
  double mean_ = 0, variance_ = 0, largest_deviation_ = 0, inv_std_ = 0, around_ = 0;
  bool constant_ = true;
};

std::string check(const GroupShape& shape, const GroupNorm& forward, const float* dy,
                  const GroupNormBackward& backward) {
  if (shape.elements() == 0) return "";
  std::vector<ParameterSum> dscale(shape.parameters()), dbias(shape.parameters());
  for (size_t i = 0; i < shape.rows(); i++) {
    const Row row(shape, i, forward, dy);
    std::string failure = row.check_forward(forward.y);
    if (failure.empty()) failure = row.check_input_gradient(backward.dx);
    if (!failure.empty()) return failure;
    row.add_parameters(dscale, dbias);
  }
  if (backward.dscale == nullptr) return "";
  for (size_t i = 0; i < shape.parameters(); i++) {
    const auto differs = [&](const char* what, const float* actual, const ParameterSum& expected) {
      const double terms = static_cast<double>(shape.images * shape.plane);
      const double tolerance = 1e-6 * expected.sum.size + expected.tolerance + terms * kTiny;
      return expected.holds ? compare(what, i, actual[i], expected.sum.value, tolerance) : "";
    };
    std::string failure = differs("dscale", backward.dscale, dscale[i]);
    if (failure.empty() && backward.dbias != nullptr) {
      failure = differs("dbias", backward.dbias, dbias[i]);
    }
    if (!failure.empty()) return failure;
  }
  return "";
}

// Whether the gradients have the same bits when some parameters' gradients are left out; all NaNs
// count as equal, because compilers choose whose sign and payload a multiply-add of NaNs keeps.
std::string check_frozen(const Setting& setting, const GroupShape& shape, const float* dy,
                         const GroupNormBackward& whole) {
  const size_t n = shape.elements(), parameters = shape.parameters();
  const auto differ = [](const float* a, const float* b, size_t count) {
    if (b == nullptr || count == 0) return false;
    for (size_t i = 0; i < count; i++) {
      const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
      if (!both_nan && std::memcmp(a + i, b + i, sizeof(float)) != 0) return true;
    }
    return false;
  };
  for (const int frozen : {1, 2, 3}) {
    Buffer dx(n, 0), dscale(parameters, 0), dbias(parameters, 0);
    GroupNormBackward part = whole;
    part.dy = dy;
    part.dx = dx.data();
    part.dscale = (frozen & 1) != 0 || whole.dscale == nullptr ? nullptr : dscale.data();
    part.dbias = (frozen & 2) != 0 || whole.dbias == nullptr ? nullptr : dbias.data();
    if (batchnorm::group_norm_backward(setting.kernels, shape, part) != Status::kOk) {
      return "out of memory";
    }
    if (differ(whole.dx, part.dx, n) || differ(whole.dscale, part.dscale, parameters) ||
        differ(whole.dbias, part.dbias, parameters)) {
      return "a gradient depends on the parameters that are frozen";
    }
  }
  return "";
}

GroupShape choose_group_shape(const Setting& setting) {
  Choices& choices = setting.choices;
  const batchnorm::ImageShape image = choose_shape(setting);
  GroupShape shape = {image.images, image.channels, 1, image.plane};
  switch (choices.below(4)) {
    case 0:  // instance norm
      return shape;
    case 1:  // layer norm
      return {image.images, 1, image.channels * image.plane, 1};
    case 2:  // groups without planes
      return {image.images, 1 + choices.below(4), image.channels * image.plane / 4, 1};
    default:
      shape.groups = 1 + choices.below(5);
      shape.channels = (image.channels + shape.groups - 1) / shape.groups;
      return shape;
  }
}

}  // namespace

Outcome run_group_norm(const Setting& setting) {
  Choices& choices = setting.choices;
  const GroupShape shape = choose_group_shape(setting);
  const size_t n = shape.elements(), rows = shape.rows(), parameters = shape.parameters();
  Buffer x = setting.buffer(n), y = setting.buffer(n), dy = setting.buffer(n),
         dx = setting.buffer(n);
  Buffer scale = setting.buffer(parameters), bias = setting.buffer(parameters),
         dscale = setting.buffer(parameters), dbias = setting.buffer(parameters);
  Buffer mean = setting.buffer(rows), mean_low = setting.buffer(rows),
         inv_std = setting.buffer(rows);
  fill(x, {1, rows, shape.row_length()}, choices);
  fill(dy, {1, rows, shape.row_length()}, choices);
  fill_parameters(scale, choices);
  fill_parameters(bias, choices);
  const bool affine = !choices.one_in(4);
  const bool biased = affine && !choices.one_in(4);
  const bool centered = !choices.one_in(4);
  const bool in_place = choices.flip();
  Buffer original_dy(n, 0);
  original_dy.copy_from(dy);

  Outcome outcome = setting.outcome(
      "group norm", {shape.images, shape.groups, shape.channels, shape.plane, affine, centered});
  const GroupNorm forward = {x.data(),
                             affine ? scale.data() : nullptr,
                             biased ? bias.data() : nullptr,
                             choose_epsilon(choices),
                             centered,
                             y.data(),
                             mean.data(),
                             mean_low.data(),
                             inv_std.data()};
  const GroupNormBackward backward = {x.data(),
                                      dy.data(),
                                      forward.scale,
                                      mean.data(),
                                      mean_low.data(),
                                      inv_std.data(),
                                      centered,
                                      in_place ? dy.data() : dx.data(),
                                      affine ? dscale.data() : nullptr,
                                      biased ? dbias.data() : nullptr};
  if (batchnorm::group_norm(setting.kernels, shape, forward) != Status::kOk ||
      batchnorm::group_norm_backward(setting.kernels, shape, backward) != Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure =
      guards({&x, &y, &dy, &dx, &scale, &bias, &dscale, &dbias, &mean, &mean_low, &inv_std});
  if (!outcome.failure.empty()) return outcome;
  outcome.failure = check(shape, forward, original_dy.data(), backward);
  if (outcome.failure.empty()) {
    outcome.failure = check_frozen(setting, shape, original_dy.data(), backward);
  }
  Digest all;
  for (const Buffer* each : {&y, &mean, &mean_low, &inv_std, in_place ? &dy : &dx}) all.add(*each);
  if (affine) all.add(dscale);
  if (biased) all.add(dbias);
  outcome.digest = all.value();
  return outcome;
}

}  // namespace stress
