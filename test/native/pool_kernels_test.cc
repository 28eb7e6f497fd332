// Pooling on every ISA against plain loops over windows, for sizes around vectors.
#include "ops/pool.h"
#include "support.h"
#include "system/thread_pool.h"

using batchnorm::Kernels;
using batchnorm::Pooling;
using support::Guarded;
using support::Random;

namespace {

Pooling pooling(size_t height, size_t width, size_t kernel, size_t stride, size_t padding) {
  const size_t rows = (height + 2 * padding - kernel) / stride + 1;
  const size_t columns = (width + 2 * padding - kernel) / stride + 1;
  return {height, width, kernel, stride, padding, rows, columns};
}

// Calls function(window, element) for the elements of all windows of a plane, in row-major order
// within each window.
template <class Function>
void each_element(const Pooling& params, Function function) {
  for (size_t window = 0; window < params.out_height * params.out_width; window++) {
    for (size_t k = 0; k < params.kernel * params.kernel; k++) {
      const size_t y = window / params.out_width * params.stride + k / params.kernel;
      const size_t x = window % params.out_width * params.stride + k % params.kernel;
      if (y < params.padding || x < params.padding) continue;
      if (y - params.padding >= params.height || x - params.padding >= params.width) continue;
      function(window, (y - params.padding) * params.width + x - params.padding);
    }
  }
}

template <class Function>
void each_pooling(const Kernels& kernels, Function function) {
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

// NaN reveals a kernel that reads uninitialized scratch memory.
std::vector<float> scratch_for(const Pooling& params) {
  return std::vector<float>(batchnorm::pool_scratch(params), NAN);
}

}  // namespace

namespace {

// Replaces values up to `lowest` by -Inf.
void check_max_pool(const batchnorm::Kernels& kernels, float lowest) {
  each_pooling(kernels, [&](const Pooling& params) {
    CAPTURE(params.width);
    CAPTURE(params.kernel);
    CAPTURE(params.stride);
    CAPTURE(params.padding);
    const size_t n = params.height * params.width, windows = params.out_height * params.out_width;
    Random random(n + params.stride);
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

TEST_CASE(
    "avg_pool: divides by the size of the window, padding included, and so do the gradients") {
  FOR_EACH_ISA(kernels) {
    CAPTURE(std::string(kernels.isa));
    each_pooling(kernels, [&](const Pooling& params) {
      CAPTURE(params.width);
      CAPTURE(params.kernel);
      CAPTURE(params.stride);
      CAPTURE(params.padding);
      const size_t n = params.height * params.width, windows = params.out_height * params.out_width;
      const double count = static_cast<double>(params.kernel * params.kernel);
      Random random(n + params.stride);
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
        expected[i] += dy[window] / count;
      });
      for (size_t i = 0; i < windows; i++) CHECK(support::near(y[i], sums[i] / count, 1e-7));
      for (size_t i = 0; i < n; i++) CHECK(support::near(dx[i], expected[i], 3e-6));
    });
  }
}

TEST_CASE("pooling of whole tensors: the same bits for any number of threads") {
  const size_t threads = batchnorm::thread_count(), share = batchnorm::elements_per_thread();
  FOR_EACH_ISA(kernels) {
    const Pooling params = pooling(13, 29, 3, 2, 1);
    const size_t planes = 150, n = planes * 13 * 29,
                 windows = planes * params.out_height * params.out_width;
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
