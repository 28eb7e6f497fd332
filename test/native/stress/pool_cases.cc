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
  Pooling by;

  size_t inputs() const { return count * by.height * by.width; }
  size_t outputs() const { return count * by.out_height * by.out_width; }
};

size_t windows(size_t size, const Pooling& by) {
  return (size + 2 * by.padding - by.kernel) / by.stride + 1;
}

Planes choose_planes(const Setting& setting) {
  Choices& choices = setting.choices;
  Planes planes = {};
  Pooling& by = planes.by;
  by.kernel = 1 + (choices.one_in(8) ? choices.below(20) : choices.below(5));
  by.stride = 1 + choices.below(2 * by.kernel);
  by.padding = choices.below(by.kernel);
  // Windows as large as the padded plane, or any.
  const size_t least = std::max<size_t>(1, by.kernel - std::min(by.kernel, 2 * by.padding));
  for (size_t* size : {&by.height, &by.width}) {
    const size_t any = choices.one_in(4) ? choices.below(300) : choices.below(40);
    *size = choices.one_in(8) ? least : std::max(any, least);
  }
  planes.count = choices.flip() ? choices.below(5) : choices.below(200);
  const auto is_too_large = [&] {
    by.out_height = windows(by.height, by);
    by.out_width = windows(by.width, by);
    return planes.inputs() > setting.most_elements ||
           planes.outputs() * by.kernel * by.kernel > 8 * setting.most_elements;
  };
  while (is_too_large()) {
    if (planes.count > 1) {
      planes.count = (planes.count + 1) / 2;
    } else {
      size_t& larger = by.height > by.width ? by.height : by.width;
      if (larger == least) break;
      larger = std::max(least, larger / 2);
    }
  }
  return planes;
}

Outcome outcome_of(const Setting& setting, const char* operation, const Planes& planes) {
  const Pooling& by = planes.by;
  return setting.outcome(operation,
                         {planes.count, by.height, by.width, by.kernel, by.stride, by.padding});
}

// function(window, element) for the elements of all windows, row-major in each.
template <class Function>
void for_each_element(const Planes& planes, const Function& function) {
  const Pooling& by = planes.by;
  const size_t of_plane = by.out_height * by.out_width;
  for (size_t window = 0; window < planes.outputs(); window++) {
    const size_t plane = window / of_plane * by.height * by.width;
    for (size_t k = 0; k < by.kernel * by.kernel; k++) {
      // Wrap around above and left of the plane.
      const size_t row = window % of_plane / by.out_width * by.stride + k / by.kernel - by.padding;
      const size_t column = window % by.out_width * by.stride + k % by.kernel - by.padding;
      if (row < by.height && column < by.width) function(window, plane + row * by.width + column);
    }
  }
}

// A gradient is the sum of as many floats as there are windows over it.
struct Gradient {
  Sum sum;
  size_t windows = 0;

  void add(double part) {
    sum.add(part);
    windows++;
  }
};

std::string check_gradients(const Buffer& dx, const std::vector<Gradient>& expected) {
  for (size_t i = 0; i < dx.size(); i++) {
    const Gradient& each = expected[i];
    // One rounding of each part, too, where it is a quotient.
    const std::string wrong = compare_sum("dx", i, dx[i], each.sum, each.windows + 1, each.windows);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// The largest of each window to the bit, NaN being larger than all, and its gradient to the first
// of them.
std::string check_max(const Planes& planes, const Buffer& x, const Buffer& y, const Buffer& dy,
                      const Buffer& dx) {
  constexpr size_t kNone = SIZE_MAX;
  std::vector<size_t> chosen(planes.outputs(), kNone);
  for_each_element(planes, [&](size_t window, size_t i) {
    size_t& place = chosen[window];
    if (place != kNone && std::isnan(x[place])) return;
    if (place == kNone || std::isnan(x[i]) || x[i] > x[place]) place = i;
  });
  std::vector<Gradient> expected(planes.inputs());
  for (size_t window = 0; window < planes.outputs(); window++) {
    const size_t place = chosen[window];
    const std::string wrong =
        compare("y", window, y[window], place == kNone ? -INFINITY : x[place], 0);
    if (!wrong.empty()) return wrong;
    if (place != kNone) expected[place].add(dy[window]);
  }
  return check_gradients(dx, expected);
}

// Sums in double, which the padding adds nothing to; their gradients are quotients of floats.
std::string check_mean(const Planes& planes, const Buffer& x, const Buffer& y, const Buffer& dy,
                       const Buffer& dx) {
  const double count = static_cast<double>(planes.by.kernel * planes.by.kernel);
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
    const std::string wrong = compare("y", window, y[window], mean, tolerance);
    if (!wrong.empty()) return wrong;
  }
  return check_gradients(dx, expected);
}

struct Pooled {
  Pooled(const Setting& setting, const Planes& planes)
      : x(setting.buffer(planes.inputs())),
        y(setting.buffer(planes.outputs())),
        dy(setting.buffer(planes.outputs())),
        dx(setting.buffer(planes.inputs())) {
    const Pooling& by = planes.by;
    fill(x, {1, planes.count, by.height * by.width}, setting.choices);
    fill(dy, {1, planes.count, by.out_height * by.out_width}, setting.choices);
  }
  std::string guards() const { return stress::guards({&x, &y, &dy, &dx}); }

  Buffer x, y, dy, dx;
};

}  // namespace

Outcome pool_max(const Setting& setting) {
  const Planes planes = choose_planes(setting);
  Pooled pooled(setting, planes);
  // Few different values, or there would be no windows with several maxima.
  if (setting.choices.flip()) {
    for (size_t i = 0; i < pooled.x.size(); i++) pooled.x[i] = std::round(pooled.x[i]);
  }
  // Windows of nothing but -Inf, next to others.
  if (setting.choices.one_in(4)) {
    for (size_t i = 0; i < pooled.x.size(); i++) {
      if (pooled.x[i] < 0.5f) pooled.x[i] = -INFINITY;
    }
  }
  Outcome outcome = outcome_of(setting, "max_pool", planes);
  if (batchnorm::max_pool(setting.kernels, pooled.x.data(), pooled.y.data(), planes.count,
                          planes.by) != Status::kOk ||
      batchnorm::max_pool_backward(setting.kernels, pooled.x.data(), pooled.y.data(),
                                   pooled.dy.data(), pooled.dx.data(), planes.count,
                                   planes.by) != Status::kOk) {
    outcome.wrong = "out of memory";
    return outcome;
  }
  outcome.wrong = pooled.guards();
  if (outcome.wrong.empty()) {
    outcome.wrong = check_max(planes, pooled.x, pooled.y, pooled.dy, pooled.dx);
  }
  outcome.digest = digest({&pooled.y, &pooled.dx});
  return outcome;
}

Outcome pool_mean(const Setting& setting) {
  const Planes planes = choose_planes(setting);
  Pooled pooled(setting, planes);
  Outcome outcome = outcome_of(setting, "avg_pool", planes);
  if (batchnorm::avg_pool(setting.kernels, pooled.x.data(), pooled.y.data(), planes.count,
                          planes.by) != Status::kOk ||
      batchnorm::avg_pool_backward(setting.kernels, pooled.dy.data(), pooled.dx.data(),
                                   planes.count, planes.by) != Status::kOk) {
    outcome.wrong = "out of memory";
    return outcome;
  }
  outcome.wrong = pooled.guards();
  if (outcome.wrong.empty()) {
    outcome.wrong = check_mean(planes, pooled.x, pooled.y, pooled.dy, pooled.dx);
  }
  outcome.digest = digest({&pooled.y, &pooled.dx});
  return outcome;
}

}  // namespace stress
