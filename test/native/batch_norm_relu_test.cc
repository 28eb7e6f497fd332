// Batch norm fused with a ReLU, with and without a residual: bitwise equal to the separate kernels
// and operations, which other tests compare with double precision.
#include "ops/batch_norm_backward.h"
#include "ops/batch_norm_inference.h"
#include "ops/batch_norm_training.h"
#include "ops/elementwise.h"
#include "support.h"
#include "system/cache_size.h"
#include "system/thread_pool.h"

using batchnorm::Block;
using batchnorm::ChannelSums;
using batchnorm::ImageShape;
using batchnorm::InputGradient;
using batchnorm::Normalization;
using support::Guarded;
using support::Random;

namespace {

using Values = std::vector<float>;

// All NaNs count as equal, because their payload is unspecified.
bool same_bits(const float* a, const float* b, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::memcmp(a + i, b + i, sizeof(float)) != 0) return false;
  }
  return true;
}

bool same_bits(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// Constants for `channels` channels, chosen so that some results are exact zeros of either sign.
struct Constants {
  explicit Constants(size_t channels) {
    Random random(channels + 99);
    for (size_t c = 0; c < channels; c++) {
      mean.push_back(c % 4 == 3 ? 0.0f : random.next());
      scale.push_back(c % 4 == 3 ? -2.0f : random.next() * 2);
      shift.push_back(c % 4 == 3 ? 0.0f : random.next() * 0.5f);
      dy_mean.push_back(random.next());
      xhat_coefficient.push_back(random.next());
    }
  }
  Normalization normalization() const { return {mean.data(), scale.data(), shift.data()}; }
  InputGradient gradient() const {
    return {mean.data(), dy_mean.data(), xhat_coefficient.data(), shift.data(), scale.data()};
  }
  Values mean, scale, shift, dy_mean, xhat_coefficient;
};

// Adds zeros of both signs and, if `special`, NaN, Inf and -Inf near both ends.
void sprinkle(Guarded& values, bool special) {
  if (values.size() == 0) return;
  for (size_t i = 0; i < values.size(); i += 5) values[i] = i % 2 == 0 ? 0.0f : -0.0f;
  if (!special) return;
  const float kinds[] = {NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < 3; i++) {
    values[i * 7 % values.size()] = kinds[i];
    values[values.size() - 1 - i * 11 % values.size()] = kinds[i];
  }
}

struct Case {
  Block block;
  size_t misalignment;
  bool special;
  size_t size() const { return block.images * block.image_stride; }
};

// Planes of many lengths, and planes of one pixel with channel counts around whole vectors.
std::vector<Case> cases(size_t lanes) {
  std::vector<Case> all;
  for (size_t length : support::edge_sizes(lanes)) {
    for (size_t misalignment : {0, 2, 15}) {
      for (bool special : {false, true}) {
        if (length > 0) all.push_back({{3, 4, length, 4 * length, length}, misalignment, special});
      }
    }
  }
  for (size_t channels : {size_t{1}, lanes, lanes + 1, 4 * lanes, 9 * lanes + 3}) {
    all.push_back({{19, channels, 1, channels + 5, 1}, 3, channels % 2 == 0});
  }
  return all;
}

struct Inputs {
  Inputs(size_t n, size_t misalignment, bool special)
      : x(n, misalignment), dy(n, (misalignment + 1) % 16), residual(n, (misalignment + 5) % 16) {
    Random random(n + misalignment);
    x.fill(random, 1.5f);
    dy.fill(random);
    residual.fill(random);
    sprinkle(x, special);
    sprinkle(dy, special);
    sprinkle(residual, special);
  }
  Guarded x, dy, residual;
};

}  // namespace

TEST_CASE(
    "normalize_relu: bit-identical to normalize, add and relu, also in place, no write out of "
    "bounds") {
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases(kernels.lanes)) {
      const size_t n = each.size();
      const Constants constants(each.block.channels);
      Inputs in(n, each.misalignment, each.special);
      CAPTURE(std::string(kernels.isa));
      CAPTURE(each.block.length);
      CAPTURE(each.block.channels);
      for (bool add : {false, true}) {
        for (bool streaming : {false, true}) {
          Guarded chain(n), y(n, each.misalignment);
          for (size_t i = 0; i < n; i++) chain[i] = y[i] = 7;
          kernels.normalize(in.x.data(), chain.data(), each.block, constants.normalization(),
                            false);
          // Channels that do not belong to the block must stay 7 in y.
          if (add) kernels.add.tensor(chain.data(), in.residual.data(), chain.data(), n);
          kernels.relu(chain.data(), chain.data(), n);
          for (size_t i = 0; i < n; i++) {
            if (i % each.block.image_stride >= each.block.channels * each.block.length) {
              chain[i] = 7;
            }
          }
          kernels.normalize_relu(in.x.data(), add ? in.residual.data() : nullptr, y.data(),
                                 each.block, constants.normalization(), streaming);
          kernels.stream_fence();
          CHECK(y.guards_intact());
          CHECK(same_bits(y.data(), chain.data(), n));

          Guarded over(n, 1);
          for (size_t i = 0; i < n; i++) over[i] = add ? in.residual[i] : in.x[i];
          kernels.normalize_relu(add ? in.x.data() : over.data(), add ? over.data() : nullptr,
                                 over.data(), each.block, constants.normalization(), streaming);
          kernels.stream_fence();
          CHECK(over.guards_intact());
          for (size_t i = 0; i < n; i++) {
            if (chain[i] == 7) over[i] = 7;
          }
          CHECK(same_bits(over.data(), chain.data(), n));
        }
      }
    }
  }
}

TEST_CASE("normalize_relu: NaN stays NaN, negative values become zero, zeros keep their sign") {
  FOR_EACH_ISA(kernels) {
    const float x[] = {NAN, -INFINITY, INFINITY, -2, 3, 0.0f, -0.0f, 1e-45f, -1e-45f};
    const size_t n = sizeof x / sizeof *x;
    const float zero = 0, one = 1, no_shift = -0.0f;
    float y[n];
    kernels.normalize_relu(x, nullptr, y, {1, 1, n, n, n}, {&zero, &one, &no_shift}, false);
    CHECK(std::isnan(y[0]));
    CHECK(y[1] == 0);
    CHECK(std::isinf(y[2]));
    CHECK(y[3] == 0);
    CHECK(y[4] == 3);
    CHECK_FALSE(std::signbit(y[5]));
    CHECK(std::signbit(y[6]));
    CHECK(y[7] == 1e-45f);
    CHECK(y[8] == 0);
  }
}

TEST_CASE(
    "relu_affine_gradient_sums and relu_input_gradient: bit-identical to a separate "
    "relu_backward") {
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases(kernels.lanes)) {
      const size_t n = each.size();
      const size_t channels = each.block.channels;
      const Constants constants(channels);
      const Normalization forward = constants.normalization();
      Inputs in(n, each.misalignment, each.special);
      Guarded y(n), passed(n), dx(n, each.misalignment), chain(n);
      for (size_t i = 0; i < n; i++) y[i] = dx[i] = chain[i] = 0;
      kernels.normalize_relu(in.x.data(), nullptr, y.data(), each.block, forward, false);
      kernels.relu_backward(y.data(), in.dy.data(), passed.data(), n);
      CAPTURE(std::string(kernels.isa));
      CAPTURE(each.block.length);
      CAPTURE(channels);

      std::vector<ChannelSums> expected(channels), got(channels);
      kernels.affine_gradient_sums(in.x.data(), passed.data(), forward.mean, each.block,
                                   expected.data());
      kernels.relu_affine_gradient_sums(in.x.data(), in.dy.data(), forward, each.block, got.data());
      for (size_t c = 0; c < channels; c++) {
        CHECK(same_bits(got[c].sum, expected[c].sum));
        CHECK(same_bits(got[c].products, expected[c].products));
      }

      for (bool streaming : {false, true}) {
        kernels.input_gradient(in.x.data(), passed.data(), chain.data(), each.block,
                               constants.gradient(), false);
        kernels.relu_input_gradient(in.x.data(), in.dy.data(), dx.data(), each.block, forward,
                                    constants.gradient(), streaming);
        kernels.stream_fence();
        CHECK(dx.guards_intact());
        CHECK(same_bits(dx.data(), chain.data(), n));
      }
    }
  }
}

TEST_CASE(
    "residual_relu_affine_gradient_sums: bit-identical to a separate relu_backward, and stores "
    "dx") {
  FOR_EACH_ISA(kernels) {
    for (const Case& each : cases(kernels.lanes)) {
      const size_t n = each.size();
      const size_t channels = each.block.channels;
      const Constants constants(channels);
      Inputs in(n, each.misalignment, each.special);
      Guarded y(n), expected_passed(n), passed(n, 15 - each.misalignment);
      for (size_t i = 0; i < n; i++) y[i] = 0;
      kernels.normalize_relu(in.x.data(), in.residual.data(), y.data(), each.block,
                             constants.normalization(), false);
      kernels.relu_backward(y.data(), in.dy.data(), expected_passed.data(), n);
      std::vector<ChannelSums> expected(channels), got(channels);
      kernels.affine_gradient_sums(in.x.data(), expected_passed.data(), constants.mean.data(),
                                   each.block, expected.data());
      for (size_t i = 0; i < n; i++) {
        const bool other = i % each.block.image_stride >= channels * each.block.length;
        passed[i] = other ? expected_passed[i] : 7;
      }
      kernels.residual_relu_affine_gradient_sums(in.x.data(), y.data(), in.dy.data(), passed.data(),
                                                 constants.mean.data(), each.block, got.data());
      CAPTURE(std::string(kernels.isa));
      CAPTURE(each.block.length);
      CAPTURE(channels);
      CHECK(passed.guards_intact());
      CHECK(same_bits(passed.data(), expected_passed.data(), n));
      for (size_t c = 0; c < channels; c++) {
        CHECK(same_bits(got[c].sum, expected[c].sum));
        CHECK(same_bits(got[c].products, expected[c].products));
      }
    }
  }
}

namespace {

// All results of a training step, forward and backward.
struct Trained {
  explicit Trained(const ImageShape& shape)
      : y(shape.elements(), 1),
        dx(shape.elements(), 2),
        dresidual(shape.elements(), 3),
        per_channel(9 * shape.channels),
        channels(shape.channels) {
    for (size_t i = 0; i < per_channel.size(); i++) per_channel[i] = 0.5f;
  }
  float* channel(size_t index) { return per_channel.data() + index * channels; }
  bool operator==(const Trained& other) const {
    return same_bits(y.data(), other.y.data(), y.size()) &&
           same_bits(dx.data(), other.dx.data(), dx.size()) &&
           same_bits(dresidual.data(), other.dresidual.data(), dresidual.size()) &&
           // The last two arrays exist only in the fused variant.
           same_bits(per_channel.data(), other.per_channel.data(), 7 * channels);
  }
  Guarded y, dx, dresidual, per_channel;
  size_t channels;
};

struct Layer {
  Layer(const ImageShape& image, bool special)
      : shape(image),
        in(image.elements(), 5, special),
        scale(image.channels),
        bias(image.channels) {
    Random random(image.elements() + 1);
    for (float& each : scale) each = random.next() * 2;
    for (float& each : bias) each = random.next();
  }
  batchnorm::BatchNormTraining forward(Trained& to) const {
    return {in.x.data(),   scale.data(), bias.data(),   1e-5,          0.1,          to.channel(0),
            to.channel(1), to.y.data(),  to.channel(2), to.channel(3), to.channel(4)};
  }
  batchnorm::BatchNormBackward backward(Trained& to, const float* dy) const {
    return {in.x.data(),   dy,           scale.data(),  to.channel(2), to.channel(3),
            to.channel(4), to.dx.data(), to.channel(5), to.channel(6)};
  }
  ImageShape shape;
  Inputs in;
  Values scale, bias;
};

void train_chain(const batchnorm::Kernels& kernels, const Layer& layer, bool add, Trained& to) {
  const size_t n = layer.shape.elements();
  batchnorm::batch_norm_training(kernels, layer.shape, layer.forward(to));
  if (add) {
    batchnorm::apply_binary(kernels, kernels.add.tensor, to.y.data(), layer.in.residual.data(),
                            to.y.data(), n);
  }
  batchnorm::apply_unary(kernels, kernels.relu, to.y.data(), to.y.data(), n);
  batchnorm::apply_binary(kernels, kernels.relu_backward, to.y.data(), layer.in.dy.data(),
                          to.dresidual.data(), n);
  batchnorm::batch_norm_backward(kernels, layer.shape, layer.backward(to, to.dresidual.data()));
  if (!add) {
    for (size_t i = 0; i < n; i++) to.dresidual[i] = 0;
  }
}

// Without a residual, dx is computed in place of dy.
void train_fused(const batchnorm::Kernels& kernels, const Layer& layer, bool add, Trained& to) {
  batchnorm::BatchNormTraining forward = layer.forward(to);
  forward.relu = true;
  forward.residual = add ? layer.in.residual.data() : nullptr;
  if (!add) {
    forward.factor = to.channel(7);
    forward.shift = to.channel(8);
  }
  batchnorm::batch_norm_training(kernels, layer.shape, forward);
  batchnorm::BatchNormBackward backward = layer.backward(to, layer.in.dy.data());
  if (add) {
    backward.y = to.y.data();
    backward.dresidual = to.dresidual.data();
  } else {
    for (size_t i = 0; i < to.dx.size(); i++) {
      to.dx[i] = layer.in.dy[i];
      to.dresidual[i] = 0;
    }
    backward.dy = to.dx.data();
    backward.factor = to.channel(7);
    backward.shift = to.channel(8);
  }
  batchnorm::batch_norm_backward(kernels, layer.shape, backward);
  for (const Guarded* each : {&to.y, &to.dx, &to.dresidual, &to.per_channel}) {
    CHECK(each->guards_intact());
  }
}

}  // namespace

TEST_CASE(
    "training with ReLU: bit-identical to separate operations, for any shape, threads and caches") {
  const size_t before = batchnorm::thread_count();
  const batchnorm::CacheSizes here = batchnorm::cache_sizes();
  // Single channels and streamed results, then groups of channels and plain stores.
  const batchnorm::CacheSizes machines[] = {{32 << 10, 64 << 10, 0}, {1 << 16, 8 << 20, 1 << 30}};
  const ImageShape shapes[] = {{2, 1, 1},    {9, 5, 1},   {3, 4, 6},     {2, 70, 49},  {1, 3, 196},
                               {4, 2, 4097}, {7, 9, 784}, {2, 3, 12544}, {1, 1, 40001}};
  FOR_EACH_ISA(kernels) {
    for (const ImageShape& shape : shapes) {
      for (bool special : {false, true}) {
        const Layer layer(shape, special);
        for (bool add : {false, true}) {
          CAPTURE(std::string(kernels.isa));
          CAPTURE(shape.plane);
          CAPTURE(add);
          CAPTURE(special);
          batchnorm::set_thread_count(1);
          batchnorm::set_cache_sizes(here);
          Trained chain(shape);
          train_chain(kernels, layer, add, chain);
          for (const batchnorm::CacheSizes& machine : machines) {
            batchnorm::set_cache_sizes(machine);
            for (size_t threads : {1, 3}) {
              batchnorm::set_thread_count(threads);
              Trained fused(shape);
              train_fused(kernels, layer, add, fused);
              CHECK(fused == chain);
            }
          }
        }
      }
    }
  }
  batchnorm::set_cache_sizes(here);
  batchnorm::set_thread_count(before);
}

TEST_CASE("inference with ReLU: bit-identical to the chain, over the residual or x too") {
  const batchnorm::CacheSizes here = batchnorm::cache_sizes();
  FOR_EACH_ISA(kernels) {
    for (const ImageShape& shape : {ImageShape{1, 1, 1}, ImageShape{30, 7, 1}, ImageShape{3, 5, 7},
                                    ImageShape{2, 3, 12544}}) {
      const Layer layer(shape, true);
      const size_t n = shape.elements();
      Guarded mean(shape.channels), var(shape.channels);
      for (size_t c = 0; c < shape.channels; c++) {
        mean[c] = 0.25f;
        var[c] = 1.75f;
      }
      for (bool add : {false, true}) {
        for (size_t last : {size_t{0}, here.last}) {
          batchnorm::set_cache_sizes({here.l1, here.l2, last});
          Guarded chain(n), fused(n, 1);
          batchnorm::BatchNormInference call = {layer.in.x.data(), layer.scale.data(),
                                                layer.bias.data(), mean.data(),
                                                var.data(),        1e-5,
                                                chain.data()};
          batchnorm::batch_norm_inference(kernels, shape, call);
          if (add) {
            batchnorm::apply_binary(kernels, kernels.add.tensor, chain.data(),
                                    layer.in.residual.data(), chain.data(), n);
          }
          batchnorm::apply_unary(kernels, kernels.relu, chain.data(), chain.data(), n);
          for (size_t i = 0; i < n; i++) fused[i] = add ? layer.in.residual[i] : layer.in.x[i];
          call.relu = true;
          call.y = fused.data();
          if (add) {
            call.residual = fused.data();
          } else {
            call.x = fused.data();
          }
          batchnorm::batch_norm_inference(kernels, shape, call);
          CHECK(fused.guards_intact());
          CHECK(same_bits(fused.data(), chain.data(), n));
        }
      }
    }
  }
  batchnorm::set_cache_sizes(here);
}
