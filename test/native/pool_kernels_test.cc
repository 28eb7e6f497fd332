// Pooling on every ISA against plain loops over windows, for sizes around vectors.
#include "ops/pool.h"
#include "support.h"
#include "system/thread_pool.h"

using batchnorm::Kernels;
using batchnorm::PoolAxis;
using batchnorm::Pooling;
using support::Guarded;
using support::Random;

namespace {

PoolAxis axis(size_t size, size_t kernel, size_t stride, size_t padding, size_t dilation = 1) {
  const size_t extent = (kernel - 1) * dilation + 1;
  const size_t out = (size + 2 * padding - extent) / stride + 1;
  return {size, out, kernel, stride, dilation, padding, padding};
}

Pooling pooling(size_t height, size_t width, size_t kernel, size_t stride, size_t padding) {
  return {axis(height, kernel, stride, padding), axis(width, kernel, stride, padding), true};
}

size_t inputs(const Pooling& params) { return params.rows.size * params.columns.size; }
size_t outputs(const Pooling& params) { return params.rows.out * params.columns.out; }

// Calls function(window, element) for the elements of all windows of a plane, in row-major order
// within each window.
template <class Function>
void each_element(const Pooling& params, Function function) {
  const PoolAxis& rows = params.rows;
  const PoolAxis& columns = params.columns;
  for (size_t window = 0; window < outputs(params); window++) {
    for (size_t k = 0; k < rows.kernel * columns.kernel; k++) {
      const size_t y = window / columns.out * rows.stride + k / columns.kernel * rows.dilation;
      const size_t x =
          window % columns.out * columns.stride + k % columns.kernel * columns.dilation;
      if (y < rows.before || x < columns.before) continue;
      if (y - rows.before >= rows.size || x - columns.before >= columns.size) continue;
      function(window, (y - rows.before) * columns.size + x - columns.before);
    }
  }
}

// Square windows around the vector lengths.
template <class Function>
void each_square_pooling(const Kernels& kernels, Function function) {
  const size_t w = kernels.lanes;
  for (size_t kernel : {1, 2, 3, 5}) {
    for (size_t stride : {1, 2, 3, 6}) {
      for (size_t padding = 0; padding < kernel; padding++) {
        for (size_t width : {kernel, w + 1, 2 * w, 2 * w + 3, 4 * w + kernel}) {
          if (width + 2 * padding < kernel) continue;
          function(pooling(kernel + 3, width, kernel, stride, padding));
        }
      }
    }
  }
}

// Other settings for rows and for columns, and last windows that reach beyond the padding.
template <class Function>
void each_rectangular_pooling(const Kernels& kernels, size_t max_dilation, Function function) {
  Random random(11);
  const auto below = [&](size_t n) {
    return static_cast<size_t>((random.next() + 1) / 2 * static_cast<float>(n)) % n;
  };
  const auto choose = [&](size_t size) {
    const size_t dilation = 1 + below(max_dilation);
    size_t kernel = 1 + below(5);
    while ((kernel - 1) * dilation >= size) kernel--;
    const size_t stride = 1 + below(6), before = below(kernel), after = below(kernel);
    PoolAxis chosen = {size, 0, kernel, stride, dilation, before, after};
    const size_t places = size + chosen.before + after - chosen.extent();
    chosen.out = places / chosen.stride + 1;
    if (chosen.out * chosen.stride < size + chosen.before) chosen.out += below(2);
    return chosen;
  };
  for (size_t i = 0; i < 400; i++) {
    const PoolAxis columns = choose(1 + below(4 * kernels.lanes));
    function(Pooling{choose(1 + below(9)), columns, i % 2 == 0});
  }
}

// Windows of two adjacent columns, which kernels/pool_pairs.inl.h computes, with any rows.
template <class Function>
void each_pooling_of_pairs(const Kernels& kernels, size_t max_dilation, Function function) {
  for (size_t width = 2; width <= 4 * kernels.lanes + 3; width++) {
    for (size_t kernel : {1, 2, 3}) {
      for (size_t stride : {1, 2, 4}) {
        const size_t dilation = 1 + (width + kernel) % max_dilation;
        const PoolAxis rows = axis(7, kernel, stride, width % kernel, dilation);
        function(Pooling{rows, axis(width, 2, 2, 0), width % 4 < 2});
      }
    }
  }
}

template <class Function>
void each_pooling(const Kernels& kernels, size_t max_dilation, Function function) {
  each_square_pooling(kernels, function);
  each_rectangular_pooling(kernels, max_dilation, function);
  each_pooling_of_pairs(kernels, max_dilation, function);
}

std::string text_of(const Pooling& params) {
  std::string text;
  for (const PoolAxis& each : {params.rows, params.columns}) {
    for (size_t number :
         {each.size, each.out, each.kernel, each.stride, each.dilation, each.before, each.after}) {
      text += std::to_string(number) + ' ';
    }
  }
  return text;
}

// NaN reveals a kernel that reads uninitialized scratch memory.
std::vector<float> scratch_for(const Pooling& params) {
  return std::vector<float>(batchnorm::pool_scratch(params), NAN);
}

}  // namespace

namespace {

// Replaces values up to `lowest` by -Inf.
void check_max_pool(const batchnorm::Kernels& kernels, float lowest) {
  each_pooling(kernels, 3, [&](const Pooling& params) {
    CAPTURE(text_of(params));
    const size_t n = inputs(params), windows = outputs(params);
    Random random(n + params.columns.stride);
    Guarded x(n, 1), y(windows, 2), dy(windows, 3), dx(n, 4);
    // Few distinct values, so that many windows have several maxima.
    x.fill(random, 2.5f);
    for (size_t i = 0; i < n; i++) {
      x[i] = std::floor(x[i]);
      if (x[i] <= lowest) x[i] = -INFINITY;
    }
    dy.fill(random);
    std::vector<float> scratch = scratch_for(params);
    kernels.max_pool(x.data(), y.data(), params, scratch.data());
    CHECK(y.guards_intact());
    std::vector<float> largest(windows, -INFINITY);
    each_element(params, [&](size_t window, size_t i) {
      largest[window] = std::fmax(largest[window], x[i]);
    });
    for (size_t i = 0; i < windows; i++) CHECK(y[i] == largest[i]);

    scratch = scratch_for(params);
    kernels.max_pool_backward(x.data(), y.data(), dy.data(), dx.data(), params, scratch.data());
    CHECK(dx.guards_intact());
    std::vector<double> expected(n, 0.0);
    std::vector<bool> assigned(windows, false);
    each_element(params, [&](size_t window, size_t i) {
      if (assigned[window] || x[i] != largest[window]) return;
      assigned[window] = true;
      expected[i] += dy[window];
    });
    for (size_t i = 0; i < n; i++) CHECK(support::near(dx[i], expected[i], 3e-6));
  });
}

}  // namespace

TEST_CASE("max_pool: the maximum of each window, whose first occurrence gets the gradient") {
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    check_max_pool(kernels, -INFINITY);
  }
}

TEST_CASE("max_pool: the gradient of a window of -Inf goes to its first element in the plane") {
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    check_max_pool(kernels, 1);
    check_max_pool(kernels, INFINITY);
  }
}

TEST_CASE("max_pool: NaN is the maximum and gets the gradient, at any position in the window") {
  FOR_EACH_ISA(kernels) {
    const Pooling params = pooling(2, 6, 2, 2, 0);
    const float x[12] = {1, NAN, 3, 4, -INFINITY, -INFINITY, 5, 2, 1, NAN, -INFINITY, -INFINITY};
    const float dy[3] = {10, 20, 30};
    float y[3], dx[12];
    std::vector<float> scratch = scratch_for(params);
    kernels.max_pool(x, y, params, scratch.data());
    CHECK(std::isnan(y[0]));
    CHECK(std::isnan(y[1]));
    CHECK(y[2] == -INFINITY);
    kernels.max_pool_backward(x, y, dy, dx, params, scratch.data());
    const float expected[12] = {0, 10, 0, 0, 30, 0, 0, 0, 0, 20, 0, 0};
    for (size_t i = 0; i < 12; i++) CHECK(dx[i] == expected[i]);

    for (size_t position = 0; position < 9; position++) {
      CAPTURE(position);
      const Pooling whole = pooling(3, 3, 3, 1, 0);
      float plane[9] = {3, 1, 4, 1, 5, 9, 2, 6, -INFINITY}, gradient[9];
      plane[position] = NAN;
      scratch = scratch_for(whole);
      kernels.max_pool(plane, y, whole, scratch.data());
      CHECK(std::isnan(y[0]));
      kernels.max_pool_backward(plane, y, dy, gradient, whole, scratch.data());
      for (size_t i = 0; i < 9; i++) CHECK(gradient[i] == (i == position ? 10.0f : 0.0f));
    }
  }
}

TEST_CASE("max_pool: the first NaN of a pair of columns gets the gradient, in any lane") {
  FOR_EACH_ISA(kernels) {
    each_pooling_of_pairs(kernels, 1, [&](const Pooling& params) {
      CAPTURE(text_of(params));
      const size_t n = inputs(params), windows = outputs(params);
      Random random(n);
      Guarded x(n, 1), y(windows, 2), dy(windows, 3), dx(n, 4);
      x.fill(random);
      dy.fill(random);
      for (size_t i = 0; i < n; i++) {
        if (x[i] > 0.5f) x[i] = NAN;
      }
      std::vector<float> scratch = scratch_for(params);
      kernels.max_pool(x.data(), y.data(), params, scratch.data());
      kernels.max_pool_backward(x.data(), y.data(), dy.data(), dx.data(), params, scratch.data());
      std::vector<size_t> first(windows, n);
      each_element(params, [&](size_t window, size_t i) {
        if (first[window] == n && std::isnan(x[i])) first[window] = i;
      });
      std::vector<bool> is_first(n, false);
      for (size_t window = 0; window < windows; window++) {
        CHECK(std::isnan(y[window]) == (first[window] < n));
        if (first[window] < n) is_first[first[window]] = true;
      }
      for (size_t i = 0; i < n; i++) {
        if (std::isnan(x[i])) CHECK((dx[i] != 0) == is_first[i]);
      }
    });
  }
}

TEST_CASE("max_pool: a window whose pixels all lie in the padding is -Inf and gets no gradient") {
  FOR_EACH_ISA(kernels) {
    // Columns -1 and 4 of a row of four values, then 0 and 5.
    const Pooling params = {{1, 1, 1, 1, 1, 0, 0}, {4, 2, 2, 1, 5, 1, 1}, false};
    const float x[4] = {-INFINITY, 2, 3, 4}, dy[2] = {5, 7};
    float y[2], dx[4];
    std::vector<float> scratch = scratch_for(params);
    kernels.max_pool(x, y, params, scratch.data());
    CHECK(y[0] == -INFINITY);
    CHECK(y[1] == -INFINITY);
    kernels.max_pool_backward(x, y, dy, dx, params, scratch.data());
    const float expected[4] = {7, 0, 0, 0};
    for (size_t i = 0; i < 4; i++) CHECK(dx[i] == expected[i]);
  }
}

TEST_CASE("max_pool: lowest() is larger than -Inf") {
  FOR_EACH_ISA(kernels) {
    const Pooling params = pooling(1, 2, 2, 1, 1);
    const float lowest = std::numeric_limits<float>::lowest();
    const float x[2] = {-INFINITY, lowest}, dy[6] = {1, 2, 4, 8, 16, 32};
    float y[6], dx[2];
    std::vector<float> scratch = scratch_for(params);
    kernels.max_pool(x, y, params, scratch.data());
    kernels.max_pool_backward(x, y, dy, dx, params, scratch.data());
    CHECK(y[0] == -INFINITY);
    CHECK(y[1] == lowest);
    CHECK(dx[0] == 9.0f);
    CHECK(dx[1] == 54.0f);
  }
}

namespace {

// Places of a window along an axis that are in the plane or, if it counts, in the padding.
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
  return count_along(params.rows, window / params.columns.out, params.count_padding) *
         count_along(params.columns, window % params.columns.out, params.count_padding);
}

}  // namespace

TEST_CASE(
    "avg_pool: divides by the size of the window, padding included or not, and so do the "
    "gradients") {
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    each_pooling(kernels, 1, [&](const Pooling& params) {
      CAPTURE(text_of(params));
      const size_t n = inputs(params), windows = outputs(params);
      Random random(n + params.columns.stride);
      Guarded x(n, 1), y(windows, 2), dy(windows, 3), dx(n, 4);
      x.fill(random);
      dy.fill(random);
      std::vector<float> scratch = scratch_for(params);
      kernels.avg_pool(x.data(), y.data(), params, scratch.data());
      CHECK(y.guards_intact());
      scratch = scratch_for(params);
      kernels.avg_pool_backward(dy.data(), dx.data(), params, scratch.data());
      CHECK(dx.guards_intact());
      std::vector<double> sums(windows, 0.0), expected(n, 0.0);
      each_element(params, [&](size_t window, size_t i) {
        sums[window] += x[i];
        expected[i] += dy[window] / count_of(params, window);
      });
      for (size_t i = 0; i < windows; i++)
        CHECK(support::near(y[i], sums[i] / count_of(params, i), 1e-7));
      for (size_t i = 0; i < n; i++) CHECK(support::near(dx[i], expected[i], 3e-6));
    });
  }
}

TEST_CASE("pooling of whole tensors: the same bits for any number of threads") {
  const size_t threads = batchnorm::thread_count(), share = batchnorm::elements_per_thread();
  FOR_EACH_ISA(kernels) {
    const Pooling params = pooling(13, 29, 3, 2, 1);
    const size_t planes = 150, n = planes * 13 * 29, windows = planes * outputs(params);
    Random random(7);
    Guarded x(n, 1), y(windows, 2), dy(windows, 3), dx(n, 4);
    x.fill(random);
    dy.fill(random);
    std::vector<float> first;
    for (size_t count : {1, 3}) {
      batchnorm::set_thread_count(count);
      batchnorm::set_elements_per_thread(1000);
      REQUIRE(batchnorm::max_pool(kernels, x.data(), y.data(), planes, params) ==
              batchnorm::Status::kOk);
      REQUIRE(batchnorm::max_pool_backward(kernels, x.data(), y.data(), dy.data(), dx.data(),
                                           planes, params) == batchnorm::Status::kOk);
      std::vector<float> all(y.data(), y.data() + windows);
      all.insert(all.end(), dx.data(), dx.data() + n);
      REQUIRE(batchnorm::avg_pool(kernels, x.data(), y.data(), planes, params) ==
              batchnorm::Status::kOk);
      REQUIRE(batchnorm::avg_pool_backward(kernels, dy.data(), dx.data(), planes, params) ==
              batchnorm::Status::kOk);
      all.insert(all.end(), y.data(), y.data() + windows);
      all.insert(all.end(), dx.data(), dx.data() + n);
      if (first.empty()) first = all;
      CHECK(std::memcmp(first.data(), all.data(), all.size() * sizeof(float)) == 0);
    }
    batchnorm::set_thread_count(threads);
    batchnorm::set_elements_per_thread(share);
  }
}
