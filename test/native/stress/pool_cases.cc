// Cases of max and average pooling with their gradients.
#include "ops/pool.h"

#include <algorithm>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::Pooling;
using batchnorm::Status;

struct Planes {
  size_t count;
  Pooling params;

  size_t inputs() const { return count * params.height * params.width; }
  size_t outputs() const { return count * params.out_height * params.out_width; }
};

size_t windows(size_t size, const Pooling& params) {
  return (size + 2 * params.padding - params.kernel) / params.stride + 1;
}

Planes choose_planes(const Setting& setting) {
  Choices& choices = setting.choices;
  Planes planes = {};
  Pooling& params = planes.params;
  params.kernel = 1 + (choices.one_in(8) ? choices.below(20) : choices.below(5));
  params.stride = 1 + choices.below(2 * params.kernel);
  params.padding = choices.below(params.kernel);
  // The smallest plane for the kernel, or any.
  const size_t min_side =
      std::max<size_t>(1, params.kernel - std::min(params.kernel, 2 * params.padding));
  for (size_t* size : {&params.height, &params.width}) {
    const size_t any = choices.one_in(4) ? choices.below(300) : choices.below(40);
    *size = choices.one_in(8) ? min_side : std::max(any, min_side);
  }
  planes.count = choices.flip() ? choices.below(5) : choices.below(200);
  const auto is_too_large = [&] {
    params.out_height = windows(params.height, params);
    params.out_width = windows(params.width, params);
    return planes.inputs() > setting.max_elements ||
           planes.outputs() * params.kernel * params.kernel > 8 * setting.max_elements;
  };
  while (is_too_large()) {
    if (planes.count > 1) {
      planes.count = (planes.count + 1) / 2;
    } else {
      size_t& larger = params.height > params.width ? params.height : params.width;
      if (larger == min_side) break;
      larger = std::max(min_side, larger / 2);
    }
  }
  return planes;
}

Outcome outcome_of(const Setting& setting, const char* operation, const Planes& planes) {
  const Pooling& params = planes.params;
  return setting.outcome(operation, {planes.count, params.height, params.width, params.kernel,
                                     params.stride, params.padding});
}

// Calls function(window, element) for the elements of all windows, in row-major order within each
// window.
template <class Function>
void for_each_element(const Planes& planes, const Function& function) {
  const Pooling& params = planes.params;
  const size_t of_plane = params.out_height * params.out_width;
  for (size_t window = 0; window < planes.outputs(); window++) {
    const size_t plane = window / of_plane * params.height * params.width;
    for (size_t k = 0; k < params.kernel * params.kernel; k++) {
      // Above and to the left of the plane these wrap around to huge values.
      const size_t row =
          window % of_plane / params.out_width * params.stride + k / params.kernel - params.padding;
      const size_t column =
          window % params.out_width * params.stride + k % params.kernel - params.padding;
      if (row < params.height && column < params.width)
        function(window, plane + row * params.width + column);
    }
  }
}

// The gradient of an element: a sum of one float per window that contains it.
struct Gradient {
  Sum sum;
  size_t windows = 0;

  void add(double share) {
    sum.add(share);
    windows++;
  }
};

std::string check_gradients(const Buffer& dx, const std::vector<Gradient>& expected) {
  for (size_t i = 0; i < dx.size(); i++) {
    const Gradient& each = expected[i];
    // One more rounding, because each share may be a quotient.
    const std::string failure =
        compare_sum("dx", i, dx[i], each.sum, each.windows + 1, each.windows);
    if (!failure.empty()) return failure;
  }
  return "";
}

// y must be the maximum of each window to the bit, where NaN is larger than all values. The first
// maximum of each window gets its gradient.
std::string check_max(const Planes& planes, const Buffer& x, const Buffer& y, const Buffer& dy,
                      const Buffer& dx) {
  constexpr size_t kNone = SIZE_MAX;
  std::vector<size_t> chosen(planes.outputs(), kNone);
  for_each_element(planes, [&](size_t window, size_t i) {
    size_t& index = chosen[window];
    if (index != kNone && std::isnan(x[index])) return;
    if (index == kNone || std::isnan(x[i]) || x[i] > x[index]) index = i;
  });
  std::vector<Gradient> expected(planes.inputs());
  for (size_t window = 0; window < planes.outputs(); window++) {
    const size_t index = chosen[window];
    const std::string failure =
        compare("y", window, y[window], index == kNone ? -INFINITY : x[index], 0);
    if (!failure.empty()) return failure;
    if (index != kNone) expected[index].add(dy[window]);
  }
  return check_gradients(dx, expected);
}

// y is the sum in double divided by the size of the window, padding included. The gradients are
// quotients of floats.
std::string check_mean(const Planes& planes, const Buffer& x, const Buffer& y, const Buffer& dy,
                       const Buffer& dx) {
  const double count = static_cast<double>(planes.params.kernel * planes.params.kernel);
  std::vector<Sum> sums(planes.outputs());
  std::vector<Gradient> expected(planes.inputs());
  for_each_element(planes, [&](size_t window, size_t i) {
    sums[window].add(x[i]);
    expected[i].add(dy[window] / count);
  });
  for (size_t window = 0; window < planes.outputs(); window++) {
    const double mean = sums[window].value / count;
    const double tolerance =
        kRounding * std::fabs(mean) + count * 0x1p-52 * sums[window].size / count + kTiny;
    const std::string failure = compare("y", window, y[window], mean, tolerance);
    if (!failure.empty()) return failure;
  }
  return check_gradients(dx, expected);
}

struct Pooled {
  Pooled(const Setting& setting, const Planes& planes)
      : x(setting.buffer(planes.inputs())),
        y(setting.buffer(planes.outputs())),
        dy(setting.buffer(planes.outputs())),
        dx(setting.buffer(planes.inputs())) {
    const Pooling& params = planes.params;
    fill(x, {1, planes.count, params.height * params.width}, setting.choices);
    fill(dy, {1, planes.count, params.out_height * params.out_width}, setting.choices);
  }
  std::string guards() const { return stress::guards({&x, &y, &dy, &dx}); }

  Buffer x, y, dy, dx;
};

}  // namespace

Outcome run_max_pool(const Setting& setting) {
  const Planes planes = choose_planes(setting);
  Pooled pooled(setting, planes);
  // Sometimes few distinct values, so that windows have several maxima.
  if (setting.choices.flip()) {
    for (size_t i = 0; i < pooled.x.size(); i++) pooled.x[i] = std::round(pooled.x[i]);
  }
  // Sometimes windows that contain only -Inf.
  if (setting.choices.one_in(4)) {
    for (size_t i = 0; i < pooled.x.size(); i++) {
      if (pooled.x[i] < 0.5f) pooled.x[i] = -INFINITY;
    }
  }
  Outcome outcome = outcome_of(setting, "max_pool", planes);
  if (batchnorm::max_pool(setting.kernels, pooled.x.data(), pooled.y.data(), planes.count,
                          planes.params) != Status::kOk ||
      batchnorm::max_pool_backward(setting.kernels, pooled.x.data(), pooled.y.data(),
                                   pooled.dy.data(), pooled.dx.data(), planes.count,
                                   planes.params) != Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = pooled.guards();
  if (outcome.failure.empty()) {
    outcome.failure = check_max(planes, pooled.x, pooled.y, pooled.dy, pooled.dx);
  }
  outcome.digest = digest({&pooled.y, &pooled.dx});
  return outcome;
}

Outcome run_avg_pool(const Setting& setting) {
  const Planes planes = choose_planes(setting);
  Pooled pooled(setting, planes);
  Outcome outcome = outcome_of(setting, "avg_pool", planes);
  if (batchnorm::avg_pool(setting.kernels, pooled.x.data(), pooled.y.data(), planes.count,
                          planes.params) != Status::kOk ||
      batchnorm::avg_pool_backward(setting.kernels, pooled.dy.data(), pooled.dx.data(),
                                   planes.count, planes.params) != Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = pooled.guards();
  if (outcome.failure.empty()) {
    outcome.failure = check_mean(planes, pooled.x, pooled.y, pooled.dy, pooled.dx);
  }
  outcome.digest = digest({&pooled.y, &pooled.dx});
  return outcome;
}

}  // namespace stress
