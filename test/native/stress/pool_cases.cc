// Cases of max and average pooling with their gradients.
#include "ops/pool.h"

#include <algorithm>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::PoolAxis;
using batchnorm::Pooling;
using batchnorm::Status;

struct Planes {
  size_t count;
  Pooling params;

  size_t inputs() const { return count * params.rows.size * params.columns.size; }
  size_t outputs() const { return count * params.rows.out * params.columns.out; }
  // Elements that all windows read.
  size_t reads() const { return outputs() * params.rows.kernel * params.columns.kernel; }
};

// The smallest plane that one window fits.
size_t min_size(const PoolAxis& axis) {
  return std::max<size_t>(1, axis.extent() - std::min(axis.extent(), axis.before + axis.after));
}

// The number of windows, rounded down; with `ceil`, a last window may reach beyond the padding.
size_t window_count(const PoolAxis& axis, bool ceil) {
  const size_t places = axis.size + axis.before + axis.after - axis.extent();
  const size_t count = places / axis.stride + 1;
  const bool fits = count * axis.stride < axis.size + axis.before;
  return ceil && places % axis.stride != 0 && fits ? count + 1 : count;
}

PoolAxis choose_axis(Choices& choices, bool dilated) {
  PoolAxis axis = {};
  axis.kernel = 1 + (choices.one_in(8) ? choices.below(20) : choices.below(5));
  axis.stride = 1 + choices.below(2 * axis.kernel);
  axis.dilation = dilated ? 1 + choices.below(4) : 1;
  axis.before = choices.below(axis.kernel);
  axis.after = axis.before;
  return axis;
}

Planes choose_planes(const Setting& setting, bool may_dilate) {
  Choices& choices = setting.choices;
  Planes planes = {};
  Pooling& params = planes.params;
  params.rows = choose_axis(choices, may_dilate && choices.one_in(3));
  params.columns = params.rows;
  if (choices.flip()) params.columns = choose_axis(choices, may_dilate && choices.one_in(3));
  if (choices.one_in(4)) params.rows.after = choices.below(params.rows.kernel);
  if (choices.one_in(4)) params.columns.after = choices.below(params.columns.kernel);
  params.count_padding = choices.flip();
  const bool ceil = choices.one_in(3);
  for (PoolAxis* axis : {&params.rows, &params.columns}) {
    const size_t any = choices.one_in(4) ? choices.below(300) : choices.below(40);
    axis->size = choices.one_in(8) ? min_size(*axis) : std::max(any, min_size(*axis));
  }
  planes.count = choices.flip() ? choices.below(5) : choices.below(200);
  const auto is_too_large = [&] {
    params.rows.out = window_count(params.rows, ceil);
    params.columns.out = window_count(params.columns, ceil);
    return planes.inputs() > setting.max_elements || planes.reads() > 8 * setting.max_elements;
  };
  while (is_too_large()) {
    if (planes.count > 1) {
      planes.count = (planes.count + 1) / 2;
    } else {
      PoolAxis& larger = params.rows.size > params.columns.size ? params.rows : params.columns;
      if (larger.size == min_size(larger)) break;
      larger.size = std::max(min_size(larger), larger.size / 2);
    }
  }
  return planes;
}

Outcome outcome_of(const Setting& setting, const char* operation, const Planes& planes) {
  const PoolAxis& rows = planes.params.rows;
  const PoolAxis& columns = planes.params.columns;
  return setting.outcome(operation, {planes.count, rows.size, columns.size, rows.out, columns.out,
                                     rows.kernel, columns.kernel, rows.stride, columns.stride,
                                     rows.dilation, columns.dilation, rows.before, columns.before,
                                     rows.after, columns.after, planes.params.count_padding});
}

// Calls function(window, element) for the elements of all windows, in row-major order within each
// window.
template <class Function>
void for_each_element(const Planes& planes, const Function& function) {
  const Pooling& params = planes.params;
  const PoolAxis& rows = params.rows;
  const PoolAxis& columns = params.columns;
  const size_t of_plane = rows.out * columns.out;
  for (size_t window = 0; window < planes.outputs(); window++) {
    const size_t plane = window / of_plane * rows.size * columns.size;
    for (size_t k = 0; k < rows.kernel * columns.kernel; k++) {
      // Above and to the left of the plane these wrap around to huge values.
      const size_t row = window % of_plane / columns.out * rows.stride +
                         k / columns.kernel * rows.dilation - rows.before;
      const size_t column = window % columns.out * columns.stride +
                            k % columns.kernel * columns.dilation - columns.before;
      if (row < rows.size && column < columns.size)
        function(window, plane + row * columns.size + column);
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

// Places of a window along an axis by which its mean divides.
double count_along(const PoolAxis& axis, size_t window, bool count_padding) {
  double count = 0;
  for (size_t k = 0; k < axis.kernel; k++) {
    const size_t place = window * axis.stride + k;
    const bool in_plane = place >= axis.before && place - axis.before < axis.size;
    count += in_plane || (count_padding && place < axis.before + axis.size + axis.after);
  }
  return count;
}

double count_of(const Pooling& params, size_t window) {
  const size_t row = window / params.columns.out % params.rows.out;
  return count_along(params.rows, row, params.count_padding) *
         count_along(params.columns, window % params.columns.out, params.count_padding);
}

// y is the sum in double divided by the number of places that count. The gradients are quotients of
// floats.
std::string check_mean(const Planes& planes, const Buffer& x, const Buffer& y, const Buffer& dy,
                       const Buffer& dx) {
  std::vector<Sum> sums(planes.outputs());
  std::vector<Gradient> expected(planes.inputs());
  for_each_element(planes, [&](size_t window, size_t i) {
    sums[window].add(x[i]);
    expected[i].add(dy[window] / count_of(planes.params, window));
  });
  for (size_t window = 0; window < planes.outputs(); window++) {
    const double count = count_of(planes.params, window);
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
    fill(x, {1, planes.count, params.rows.size * params.columns.size}, setting.choices);
    fill(dy, {1, planes.count, params.rows.out * params.columns.out}, setting.choices);
  }
  std::string guards() const { return stress::guards({&x, &y, &dy, &dx}); }

  Buffer x, y, dy, dx;
};

}  // namespace

Outcome run_max_pool(const Setting& setting) {
  const Planes planes = choose_planes(setting, true);
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
  const Planes planes = choose_planes(setting, false);
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
