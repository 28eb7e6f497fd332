// sum, sum_rows and log_softmax of every ISA against double precision.
#include "ops/reductions.h"
#include "support.h"

using support::Guarded;
using support::Random;

TEST_CASE("sum: every length, with an error of at most 1e-6 of the sum of magnitudes") {
  FOR_EACH_ISA(kernels) {
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 5);
      Guarded x(n, 3);
      x.fill(random, 1.0f, 10.0f);
      double expected = 0;
      for (size_t i = 0; i < n; i++) expected += x[i];
      CHECK(support::near(kernels.sum(x.data(), n), expected, 1e-6 * expected));
    }
  }
}

TEST_CASE("sum: a hundred thousand equal values") {
  FOR_EACH_ISA(kernels) {
    Guarded x(100000);
    for (size_t i = 0; i < x.size(); i++) x[i] = 0.1f;
    const double expected = 1e5 * static_cast<double>(0.1f);
    CHECK(support::near(kernels.sum(x.data(), x.size()), expected, 1e-6 * expected));
  }
}

TEST_CASE("sum_rows: column sums in double") {
  FOR_EACH_ISA(kernels) {
    for (size_t columns : {size_t{0}, size_t{1}, kernels.lanes, kernels.lanes + 1, size_t{33}}) {
      Random random(columns);
      const size_t stride = columns + 2;
      Guarded x(7 * stride, 1);
      x.fill(random);
      std::vector<double> sums(columns + 1, -1.0);
      kernels.sum_rows(x.data(), 7, columns, stride, sums.data());
      for (size_t j = 0; j < columns; j++) {
        double expected = -1.0;
        for (size_t row = 0; row < 7; row++) expected += x[row * stride + j];
        CHECK(sums[j] == expected);
      }
      CHECK(sums[columns] == -1.0);
    }
  }
}

namespace {

// The largest of sign * x[i], or NaN, one value after the other.
float largest(const float* x, size_t n, size_t stride, float sign) {
  float result = -INFINITY;
  for (size_t i = 0; i < n; i++) {
    const float value = x[i * stride] * sign;
    if (std::isnan(value)) return NAN;
    result = value > result ? value : result;
  }
  return result;
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

TEST_CASE("extremum: every length, with the largest value or a NaN at every place") {
  FOR_EACH_ISA(kernels) {
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      Random random(n + 1);
      Guarded x(n, 1);
      for (float special : {9.0f, -9.0f, INFINITY, -INFINITY, NAN}) {
        for (size_t at = 0; at < n; at += 1 + n / 40) {
          x.fill(random);
          x[at] = special;
          for (float sign : {1.0f, -1.0f}) {
            CHECK(same(kernels.extremum(x.data(), n, sign), largest(x.data(), n, 1, sign)));
          }
        }
      }
      // No value is larger than those of a partial vector's other lanes, which are loaded as 0.
      for (size_t i = 0; i < n; i++) x[i] = -INFINITY;
      CHECK(kernels.extremum(x.data(), n, 1) == -INFINITY);
    }
    CHECK(kernels.extremum(nullptr, 0, 1) == -INFINITY);
  }
}

TEST_CASE("extremum_rows and extremum_index_rows: columns with ties, infinities and NaN") {
  constexpr size_t kRows = 7;
  FOR_EACH_ISA(kernels) {
    for (size_t columns : {size_t{0}, size_t{1}, kernels.lanes, kernels.lanes + 1, size_t{33}}) {
      Random random(columns);
      const size_t stride = columns + 3;
      Guarded x(kRows * stride, 1);
      Guarded most(columns, 2), index(columns, 3), indexed(columns, 4);
      const float choices[] = {-2, -1, -0.0f, 0, 1, 2, INFINITY, -INFINITY, NAN};
      for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < x.size(); i++) {
          x[i] = choices[static_cast<size_t>((random.next() + 1) * 4.4f)];
        }
        for (float sign : {1.0f, -1.0f}) {
          for (size_t j = 0; j < columns; j++) {
            most[j] = indexed[j] = -INFINITY;
            index[j] = 0;
          }
          kernels.extremum_rows(x.data(), kRows, columns, stride, sign, most.data());
          kernels.extremum_index_rows(x.data(), kRows, columns, stride, sign, indexed.data(),
                                      index.data());
          for (size_t j = 0; j < columns; j++) {
            const float expected = largest(x.data() + j, kRows, stride, sign);
            size_t first = 0;
            while (!same(x[first * stride + j] * sign, expected)) first++;
            CHECK(same(most[j], expected));
            CHECK(same(indexed[j], expected));
            CHECK(index[j] == static_cast<float>(first));
          }
          CHECK(most.guards_intact());
          CHECK(index.guards_intact());
          CHECK(indexed.guards_intact());
        }
      }
    }
  }
}

TEST_CASE("log_softmax and its gradient: every length, large logits") {
  FOR_EACH_ISA(kernels) {
    for (size_t n : support::edge_sizes(kernels.lanes)) {
      for (float offset : {0.0f, 1000.0f}) {
        Random random(n + 6);
        Guarded x(n, 1);
        Guarded y(n, 2);
        Guarded dy(n, 3);
        Guarded dx(n, 4);
        x.fill(random, 5.0f, offset);
        dy.fill(random);
        kernels.log_softmax(x.data(), y.data(), n);
        kernels.log_softmax_backward(y.data(), dy.data(), dx.data(), n);
        CHECK(y.guards_intact());
        CHECK(dx.guards_intact());
        double largest = -INFINITY;
        for (size_t i = 0; i < n; i++) largest = std::fmax(largest, x[i]);
        double sum = 0, dy_sum = 0, dy_size = 0;
        for (size_t i = 0; i < n; i++) {
          sum += std::exp(x[i] - largest);
          dy_sum += dy[i];
          dy_size += std::fabs(dy[i]);
        }
        for (size_t i = 0; i < n; i++) {
          const double expected = x[i] - largest - std::log(sum);
          CHECK(support::near(y[i], expected, 2e-6 * std::fmax(1.0, std::fabs(expected))));
          const double gradient = dy[i] - std::exp(expected) * dy_sum;
          CHECK(
              support::near(dx[i], gradient, 1e-5 * std::fmax(1.0, dy_size * std::exp(expected))));
        }
      }
    }
  }
}

TEST_CASE("log_softmax of a nearly certain class: result and gradient in full float32 precision") {
  FOR_EACH_ISA(kernels) {
    for (size_t n : {size_t{2}, size_t{10}, size_t{37}}) {
      for (float lead : {2.0f, 5.0f, 9.0f, 14.0f, 18.0f}) {
        Random random(n);
        Guarded x(n, 1), y(n, 2), dy(n, 3), dx(n, 4);
        x.fill(random, 1.0f);
        const size_t target = n / 2;
        x[target] = lead + 1.0f;
        for (size_t i = 0; i < n; i++) dy[i] = i == target ? -0.25f : 0.0f;
        kernels.log_softmax(x.data(), y.data(), n);
        kernels.log_softmax_backward(y.data(), dy.data(), dx.data(), n);
        double rest = 0;
        for (size_t i = 0; i < n; i++) {
          if (i != target) rest += std::exp(static_cast<double>(x[i]) - x[target]);
        }
        const double certain = -std::log1p(rest);
        // The difference of two logits near 18 is rounded by up to 1e-6.
        CHECK(support::near(y[target], certain, 2e-6 * -certain));
        const double gradient = 0.25 * std::expm1(certain);
        CHECK(support::near(dx[target], gradient, 2e-6 * -gradient));
      }
    }
  }
}

TEST_CASE("log_softmax: a logit of -Inf, and NaN") {
  FOR_EACH_ISA(kernels) {
    float x[] = {1.0f, -INFINITY, 2.0f};
    float y[3];
    kernels.log_softmax(x, y, 3);
    CHECK(y[1] == -INFINITY);
    CHECK(y[0] == doctest::Approx(-1.3132617).epsilon(1e-6));
    x[1] = NAN;
    kernels.log_softmax(x, y, 3);
    for (float each : y) CHECK(std::isnan(each));
  }
}

TEST_CASE("softmax, log_softmax and sum_over_rows: return at once for 2^40 rows without columns") {
  const size_t rows = size_t{1} << 40;
  float x = 7;
  FOR_EACH_ISA(kernels) {
    batchnorm::softmax_rows(kernels, &x, &x, rows, 0);
    batchnorm::softmax_rows_backward(kernels, &x, &x, &x, rows, 0);
    batchnorm::log_softmax_rows(kernels, &x, &x, rows, 0);
    batchnorm::log_softmax_rows_backward(kernels, &x, &x, &x, rows, 0);
    CHECK(batchnorm::sum_over_rows(kernels, &x, &x, rows, 0) == batchnorm::Status::kOk);
    CHECK(x == 7);
  }
}
