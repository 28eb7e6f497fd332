// Cases of reductions along the middle axis of [outer][length][inner].
#include "ops/axis_reductions.h"

#include <algorithm>
#include <vector>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::AxisShape;
using batchnorm::Extremum;
using batchnorm::Status;

// Sizes around those of vectors and of groups of columns, and axes that are divided into parts.
AxisShape choose_axis_shape(const Setting& setting) {
  Choices& choices = setting.choices;
  size_t left = setting.max_elements;
  const auto size = [&](size_t most) {
    const size_t chosen = std::min(choices.below(most), left);
    left /= std::max<size_t>(1, chosen);
    return chosen;
  };
  AxisShape shape = {};
  shape.inner = choices.flip() ? size(70) : size(choices.flip() ? 2 : 2500);
  shape.length = size(choices.flip() ? 300 : 60000);
  shape.outer = size(choices.flip() ? 4 : 100);
  return shape;
}

std::string check_sums(const Buffer& x, const Buffer& y, const AxisShape& shape, double divisor) {
  std::vector<LaneSum> expected(y.size());
  for (size_t i = 0; i < x.size(); i++) {
    const size_t outer = i / (shape.length * shape.inner);
    expected[outer * shape.inner + i % shape.inner].add(x[i]);
  }
  for (size_t i = 0; i < y.size(); i++) {
    const std::string failure = expected[i].compare("sum", i, y[i], divisor);
    if (!failure.empty()) return failure;
  }
  return "";
}

// The extremum along an axis, found one value after the other.
struct Found {
  float value = 0;
  size_t index = 0;
  double equal = 0;  // how many values equal it
};

bool replaces(float value, const Found& found, bool minimum) {
  if (std::isnan(found.value)) return false;
  return minimum ? !(value >= found.value) : !(value <= found.value);
}

std::vector<Found> find_extrema(const Buffer& x, const AxisShape& shape, bool minimum) {
  std::vector<Found> found(shape.outer * shape.inner);
  for (size_t i = 0; i < x.size(); i++) {
    const size_t row = i / shape.inner % shape.length;
    Found& each = found[i / (shape.length * shape.inner) * shape.inner + i % shape.inner];
    if (row == 0 || replaces(x[i], each, minimum)) each = {x[i], row, 0};
    each.equal += x[i] == each.value ? 1 : 0;
  }
  return found;
}

std::string check_gradient(const Buffer& x, const Buffer& dy, const Buffer& dx,
                           const AxisShape& shape, const std::vector<Found>& found) {
  for (size_t i = 0; i < x.size(); i++) {
    const size_t result = i / (shape.length * shape.inner) * shape.inner + i % shape.inner;
    const Found& each = found[result];
    const float share = static_cast<float>(static_cast<double>(dy[result]) / each.equal);
    const float other = std::isfinite(share) ? 0 : NAN;
    const float expected = each.equal == 0 ? NAN : x[i] == each.value ? share : other;
    const std::string failure = compare("gradient", i, dx[i], expected, 0);
    if (!failure.empty()) return failure;
  }
  return "";
}

Outcome run_sum_axis(const Setting& setting, const AxisShape& shape, const Buffer& x) {
  Buffer y = setting.buffer(shape.outer * shape.inner);
  Outcome outcome = setting.outcome("sum_axis", {shape.outer, shape.length, shape.inner});
  const double divisor =
      setting.choices.flip() ? 1 : static_cast<double>(std::max<size_t>(1, shape.length));
  if (batchnorm::sum_axis(setting.kernels, x.data(), y.data(), shape, divisor) != Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = guards({&x, &y});
  if (outcome.failure.empty()) outcome.failure = check_sums(x, y, shape, divisor);
  outcome.digest = digest({&y});
  return outcome;
}

Outcome run_extremum_axis(const Setting& setting, const AxisShape& shape, const Buffer& x) {
  const size_t results = shape.outer * shape.inner;
  Buffer y = setting.buffer(results), index = setting.buffer(results), dy = setting.buffer(results),
         dx = setting.buffer(x.size());
  fill(dy, setting.choices);
  Outcome outcome = setting.outcome("extremum_axis", {shape.outer, shape.length, shape.inner});
  const bool minimum = setting.choices.flip();
  const Extremum which = minimum ? Extremum::kMin : Extremum::kMax;
  if (batchnorm::extremum_axis(setting.kernels, x.data(), y.data(), shape, which) != Status::kOk ||
      batchnorm::extremum_axis_backward(x.data(), y.data(), dy.data(), dx.data(), shape) !=
          Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  batchnorm::extremum_index_axis(setting.kernels, x.data(), index.data(), shape, which);
  outcome.failure = guards({&x, &y, &index, &dy, &dx});
  outcome.digest = digest({&y, &index, &dx});
  if (shape.length == 0) return outcome;
  const std::vector<Found> found = find_extrema(x, shape, minimum);
  for (size_t i = 0; i < results && outcome.failure.empty(); i++) {
    outcome.failure = compare("extremum", i, y[i], found[i].value, 0);
    if (!outcome.failure.empty()) break;
    outcome.failure = compare("index", i, index[i], static_cast<double>(found[i].index), 0);
  }
  if (outcome.failure.empty()) outcome.failure = check_gradient(x, dy, dx, shape, found);
  return outcome;
}

}  // namespace

Outcome run_axis_reduction(const Setting& setting) {
  const bool sum = setting.choices.flip();
  const AxisShape shape = choose_axis_shape(setting);
  Buffer x = setting.buffer(shape.outer * shape.length * shape.inner);
  fill(x, setting.choices);
  return sum ? run_sum_axis(setting, shape, x) : run_extremum_axis(setting, shape, x);
}

}  // namespace stress
