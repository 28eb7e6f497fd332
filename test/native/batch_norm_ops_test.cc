// The operations and their steps: cutting into chunks and channel groups, merging, threads.
#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_gradient_sums.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_input_gradient.h"
#include "ops/batch_norm_moments.h"
#include "ops/batch_norm_normalize.h"
#include "ops/batch_norm_training.h"
#include "support.h"
#include "system/cache_size.h"
#include "system/thread_pool.h"

using batchnorm::ImageShape;
using support::Guarded;
using support::Random;

namespace {

struct Result {
  std::vector<float> y, mean, mean_low, inv_std, running_mean, running_var, dx, dscale, dbias;

  bool operator==(const Result& other) const {
    const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
      return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    return same(y, other.y) && same(mean, other.mean) && same(mean_low, other.mean_low) &&
           same(inv_std, other.inv_std) && same(running_mean, other.running_mean) &&
           same(running_var, other.running_var) && same(dx, other.dx) &&
           same(dscale, other.dscale) && same(dbias, other.dbias);
  }
};

struct Inputs {
  Inputs(const ImageShape& image, float offset)
      : shape(image),
        x(image.elements()),
        dy(image.elements()),
        scale(image.channels),
        bias(image.channels) {
    Random random(image.elements());
    for (float& each : x) each = random.next() * 2 + offset;
    for (float& each : dy) each = random.next();
    for (float& each : scale) each = random.next() + 1.5f;
    for (float& each : bias) each = random.next();
  }
  ImageShape shape;
  std::vector<float> x, dy, scale, bias;
};

Result train(const batchnorm::Kernels& kernels, const Inputs& in) {
  const size_t n = in.shape.elements();
  const size_t c = in.shape.channels;
  Guarded y(n, 1), dx(n, 2), mean(c), mean_low(c), inv_std(c), running_mean(c), running_var(c),
      dscale(c), dbias(c);
  for (size_t i = 0; i < c; i++) {
    running_mean[i] = 0;
    running_var[i] = 1;
  }
  REQUIRE(batchnorm::batch_norm_training(
              kernels, in.shape,
              {in.x.data(), in.scale.data(), in.bias.data(), 1e-5, 0.1, running_mean.data(),
               running_var.data(), y.data(), mean.data(), mean_low.data(), inv_std.data()}) ==
          batchnorm::Status::kOk);
  REQUIRE(batchnorm::batch_norm_backward(
              kernels, in.shape,
              {in.x.data(), in.dy.data(), in.scale.data(), mean.data(), mean_low.data(),
               inv_std.data(), dx.data(), dscale.data(), dbias.data()}) == batchnorm::Status::kOk);
  for (const Guarded* each :
       {&y, &dx, &mean, &mean_low, &inv_std, &running_mean, &running_var, &dscale, &dbias}) {
    CHECK(each->guards_intact());
  }
  const auto copy = [](const Guarded& from) {
    return std::vector<float>(from.data(), from.data() + from.size());
  };
  return {copy(y),           copy(mean), copy(mean_low), copy(inv_std), copy(running_mean),
          copy(running_var), copy(dx),   copy(dscale),   copy(dbias)};
}

// The same by the four steps, called one by one; the running statistics are not theirs.
Result train_by_steps(const batchnorm::Kernels& kernels, const Inputs& in, const Result& fused) {
  const size_t n = in.shape.elements();
  const size_t channels = in.shape.channels;
  const double count = static_cast<double>(in.shape.images * in.shape.plane);
  std::vector<double> mean(channels), m2(channels), inv_std(channels), sum_dy(channels),
      sum_dy_xmu(channels);
  Result to = fused;
  Guarded y(n, 1), dx(n, 2);
  REQUIRE(batchnorm::batch_norm_moments(kernels, in.shape, in.x.data(), mean.data(), m2.data()) ==
          batchnorm::Status::kOk);
  for (size_t c = 0; c < channels; c++) {
    inv_std[c] = 1 / std::sqrt(m2[c] / count + 1e-5);
    to.mean[c] = static_cast<float>(mean[c]);
    to.mean_low[c] = static_cast<float>(mean[c] - static_cast<double>(to.mean[c]));
    to.inv_std[c] = static_cast<float>(inv_std[c]);
  }
  REQUIRE(batchnorm::batch_norm_normalize(
              kernels, in.shape,
              {in.x.data(), in.scale.data(), in.bias.data(), false, nullptr, y.data()}, mean.data(),
              inv_std.data(), nullptr, nullptr) == batchnorm::Status::kOk);
  const batchnorm::OutputGradient gradient = {in.dy.data(), nullptr, nullptr, nullptr, nullptr};
  REQUIRE(batchnorm::batch_norm_gradient_sums(kernels, in.shape, in.x.data(), to.mean.data(),
                                              to.mean_low.data(), gradient, sum_dy.data(),
                                              sum_dy_xmu.data()) == batchnorm::Status::kOk);
  for (size_t c = 0; c < channels; c++) {
    to.dbias[c] = static_cast<float>(sum_dy[c]);
    to.dscale[c] = static_cast<float>(static_cast<double>(to.inv_std[c]) * sum_dy_xmu[c]);
  }
  REQUIRE(batchnorm::batch_norm_input_gradient(
              kernels, in.shape, count, in.x.data(), in.scale.data(),
              {to.mean.data(), to.mean_low.data(), to.inv_std.data()}, gradient, sum_dy.data(),
              sum_dy_xmu.data(), dx.data()) == batchnorm::Status::kOk);
  CHECK(y.guards_intact());
  CHECK(dx.guards_intact());
  to.y.assign(y.data(), y.data() + n);
  to.dx.assign(dx.data(), dx.data() + n);
  return to;
}

// Against double precision, within the tolerances of the numerics contract.
void check(const Inputs& in, const Result& got) {
  const size_t plane = in.shape.plane;
  const double count = static_cast<double>(in.shape.images * plane);
  for (size_t c = 0; c < in.shape.channels; c++) {
    std::vector<size_t> places;
    for (size_t n = 0; n < in.shape.images; n++) {
      for (size_t i = 0; i < plane; i++) places.push_back((n * in.shape.channels + c) * plane + i);
    }
    double mean = 0, m2 = 0, sum = 0, product = 0, sum_size = 0, product_size = 0;
    for (size_t at : places) mean += in.x[at] / count;
    for (size_t at : places) m2 += (in.x[at] - mean) * (in.x[at] - mean);
    const double inv_std = 1 / std::sqrt(m2 / count + 1e-5);
    for (size_t at : places) {
      const double p = in.dy[at] * (in.x[at] - mean) * inv_std;
      sum += in.dy[at];
      product += p;
      sum_size += std::fabs(in.dy[at]);
      product_size += std::fabs(p);
    }
    double y_error = 0, y_size = std::fabs(in.bias[c]), dx_error = 0, dx_size = 0;
    for (size_t at : places) {
      const double x_hat = (in.x[at] - mean) * inv_std;
      y_error = std::fmax(y_error, std::fabs(got.y[at] - (x_hat * in.scale[c] + in.bias[c])));
      y_size = std::fmax(y_size, std::fabs(x_hat * in.scale[c]));
      const double dx = in.scale[c] * inv_std * (in.dy[at] - sum / count - x_hat * product / count);
      dx_error = std::fmax(dx_error, std::fabs(got.dx[at] - dx));
      dx_size = std::fmax(dx_size, std::fabs(in.scale[c] * inv_std * in.dy[at]));
    }
    CAPTURE(c);
    CHECK(support::near(static_cast<double>(got.mean[c]) + got.mean_low[c], mean,
                        1e-6 * std::sqrt(m2 / count) + 1e-14 * std::fabs(mean)));
    CHECK(y_error <= 1e-6 * y_size);
    CHECK(dx_error <= 4e-6 * dx_size);
    CHECK(support::near(got.dbias[c], sum, 1e-6 * sum_size));
    CHECK(support::near(got.dscale[c], product, 1e-6 * product_size));
    CHECK(support::near(got.running_mean[c], 0.1 * mean, 1e-6 * std::fabs(mean) + 1e-7));
    const double running_var = 0.9 + 0.1 * m2 / (count - 1);
    CHECK(support::near(got.running_var[c], running_var, 1e-6 * running_var));
  }
}

}  // namespace

TEST_CASE("training and backward: planes below, at and above a chunk, one image, one channel") {
  FOR_EACH_ISA(kernels) {
    const ImageShape shapes[] = {{2, 1, 1},
                                 {9, 5, 1},
                                 {3, 4, 6},
                                 {2, 70, 49},
                                 {1, 3, 196},
                                 {4, 2, 4096},
                                 {3, 2, 4097},
                                 {1, 2, 12544},
                                 {2, 1, 20000},
                                 {100, 3, 63},
                                 // Rows of channels: too few for parts, and several parts.
                                 {127, 5, 1},
                                 {128, 3, 1},
                                 {4000, 1, 1},
                                 {3001, 19, 1}};
    for (const ImageShape& shape : shapes) {
      for (float offset : {0.0f, 20000.0f}) {
        CAPTURE(std::string(kernels.isa));
        CAPTURE(shape.images);
        CAPTURE(shape.channels);
        CAPTURE(shape.plane);
        const Inputs in(shape, offset);
        const Result fused = train(kernels, in);
        check(in, fused);
        CHECK(train_by_steps(kernels, in, fused) == fused);
      }
    }
  }
}

TEST_CASE("training and backward: the same bits for any number of threads and any caches") {
  const size_t before = batchnorm::thread_count();
  const batchnorm::CacheSizes here = batchnorm::cache_sizes();
  // One channel at a time and results past the cache; many channels and results into it.
  const batchnorm::CacheSizes machines[] = {{32 << 10, 64 << 10, 0}, {1 << 16, 8 << 20, 1 << 30}};
  FOR_EACH_ISA(kernels) {
    // Many channels (a thread owns whole ones), few, and images that fit in the cache of the
    // second machine (a thread owns chunks).
    for (const ImageShape& shape :
         {ImageShape{8, 48, 784}, ImageShape{24, 20, 1024}, ImageShape{5, 1, 40000},
          ImageShape{2, 3, 30000}, ImageShape{40, 90, 49}, ImageShape{33, 70, 196},
          ImageShape{700, 130, 1}, ImageShape{20000, 3, 1}}) {
      const Inputs in(shape, 1.0f);
      batchnorm::set_thread_count(1);
      batchnorm::set_cache_sizes(here);
      const Result one = train(kernels, in);
      check(in, one);
      for (const batchnorm::CacheSizes& machine : machines) {
        batchnorm::set_cache_sizes(machine);
        for (size_t threads : {1, 2, 3, 8}) {
          batchnorm::set_thread_count(threads);
          CHECK(train(kernels, in) == one);
          CHECK(train_by_steps(kernels, in, one) == one);
        }
      }
    }
  }
  batchnorm::set_cache_sizes(here);
  batchnorm::set_thread_count(before);
}

TEST_CASE("training: nothing to do for an empty tensor") {
  FOR_EACH_ISA(kernels) {
    CHECK(batchnorm::batch_norm_training(kernels, {0, 3, 4}, {}) == batchnorm::Status::kOk);
    CHECK(batchnorm::batch_norm_backward(kernels, {2, 0, 4}, {}) == batchnorm::Status::kOk);
    CHECK(batchnorm::batch_norm_inference(kernels, {2, 3, 0}, {}) == batchnorm::Status::kOk);
  }
}

TEST_CASE("backward: of an empty tensor the gradients of scale and bias are zeros") {
  const float four[4] = {1, 2, 3, 4};
  FOR_EACH_ISA(kernels) {
    for (const ImageShape& shape : {ImageShape{0, 4, 5}, ImageShape{3, 4, 0}}) {
      float dscale[4] = {7, 7, 7, 7}, dbias[4] = {7, 7, 7, 7}, dx = 7;
      batchnorm::BatchNormBackward call = {};
      call.x = call.dy = &dx;
      call.scale = call.mean = call.mean_low = call.inv_std = four;
      call.dx = &dx;
      call.dscale = dscale;
      call.dbias = dbias;
      CHECK(batchnorm::batch_norm_backward(kernels, shape, call) == batchnorm::Status::kOk);
      for (size_t i = 0; i < 4; i++) {
        CHECK(dscale[i] == 0);
        CHECK(dbias[i] == 0);
      }
      CHECK(dx == 7);
    }
  }
}

TEST_CASE("inference: every shape, in place too, the same bits for any threads and caches") {
  const size_t before = batchnorm::thread_count();
  const batchnorm::CacheSizes here = batchnorm::cache_sizes();
  FOR_EACH_ISA(kernels) {
    for (const ImageShape& shape : {ImageShape{1, 1, 1}, ImageShape{3, 5, 7},
                                    ImageShape{2, 3, 50000}, ImageShape{64, 40, 49}}) {
      const Inputs in(shape, 3.0f);
      std::vector<float> mean(shape.channels, 2.5f), var(shape.channels, 1.75f);
      std::vector<float> first;
      for (size_t threads : {1, 2, 7}) {
        batchnorm::set_thread_count(threads);
        // With more than one thread, past the cache.
        batchnorm::set_cache_sizes({here.l1, here.l2, threads == 1 ? here.last : 0});
        Guarded y(shape.elements(), 1);
        for (size_t i = 0; i < y.size(); i++) y[i] = in.x[i];
        batchnorm::batch_norm_inference(
            kernels, shape,
            {y.data(), in.scale.data(), in.bias.data(), mean.data(), var.data(), 1e-5, y.data()});
        CHECK(y.guards_intact());
        if (first.empty()) {
          first.assign(y.data(), y.data() + y.size());
        } else {
          CHECK(std::memcmp(first.data(), y.data(), y.size() * sizeof(float)) == 0);
        }
      }
      size_t wrong = 0;
      for (size_t i = 0; i < first.size(); i++) {
        const size_t c = i / shape.plane % shape.channels;
        const double expected = (in.x[i] - 2.5) / std::sqrt(1.75 + 1e-5) * in.scale[c] + in.bias[c];
        if (!support::near(first[i], expected, 1e-6 * (std::fabs(expected) + 1))) wrong++;
      }
      CHECK(wrong == 0);
    }
  }
  batchnorm::set_cache_sizes(here);
  batchnorm::set_thread_count(before);
}
