#include "stress/cases.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "dispatch.h"
#include "ops/reductions.h"
#include "stress/buffer.h"
#include "stress/oracle.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::ImageShape;
using batchnorm::Kernels;
using batchnorm::Status;

// FNV-1a over the bits of results.
class Digest {
 public:
  void add(const Buffer& values) {
    for (size_t i = 0; i < values.size(); i++) {
      uint32_t bits = 0x7fc00000;
      if (!std::isnan(values[i])) std::memcpy(&bits, &values.data()[i], sizeof bits);
      value_ = (value_ ^ bits) * 0x100000001b3u;
    }
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

struct Setting {
  Choices& choices;
  const Kernels& kernels;
  size_t most_elements;

  // Uninitialized, with an alignment of its own.
  Buffer buffer(size_t size) const { return Buffer(size, choices.below(16)); }
};

// Around the borders of vectors, lines and chunks, or anything.
size_t choose_plane(Choices& choices) {
  constexpr size_t kEdges[] = {1,   2,   3,   4,    7,    8,     9,     15,    16,   17,  31,
                               32,  33,  49,  63,   64,   65,    127,   128,   129,  196, 255,
                               256, 257, 784, 3136, 4096, 16383, 16384, 16385, 40000};
  constexpr size_t kCount = sizeof kEdges / sizeof *kEdges;
  const size_t edge = choices.below(2 * kCount);
  return edge < kCount ? kEdges[edge] : choices.below(300);
}

ImageShape choose_shape(const Setting& setting) {
  Choices& choices = setting.choices;
  ImageShape shape;
  shape.plane = choose_plane(choices);
  shape.channels = choices.flip() ? choices.below(5) : choices.below(140);
  shape.images = choices.flip() ? choices.below(5) : choices.below(70);
  while (shape.elements() > setting.most_elements) {
    size_t& largest = std::max(shape.plane, std::max(shape.channels, shape.images)) == shape.plane
                          ? shape.plane
                      : shape.channels > shape.images ? shape.channels
                                                      : shape.images;
    largest = (largest + 1) / 2;
  }
  return shape;
}

std::string describe(const char* operation, const Kernels& kernels, const ImageShape& shape) {
  char text[160];
  std::snprintf(text, sizeof text, "%s, %s, %zu x %zu x %zu", operation, kernels.isa, shape.images,
                shape.channels, shape.plane);
  return text;
}

std::string guards(std::initializer_list<const Buffer*> buffers) {
  size_t index = 0;
  for (const Buffer* each : buffers) {
    if (!each->guards_intact()) return "wrote in front of result " + std::to_string(index);
    index++;
  }
  return "";
}

double choose_epsilon(Choices& choices) {
  constexpr double kEpsilons[] = {1e-5, 1e-3, 1e-12, 1, 1e-8};
  return kEpsilons[choices.below(5)];
}

// Training and then its backward pass, which needs what training kept.
Outcome train(const Setting& setting) {
  Choices& choices = setting.choices;
  ImageShape shape = choose_shape(setting);
  // One value per channel is refused before it comes here.
  if (shape.images * shape.plane == 1) shape.images = 2;
  const size_t n = shape.elements();
  const size_t c = shape.channels;
  Buffer x = setting.buffer(n), y = setting.buffer(n), dy = setting.buffer(n),
         dx = setting.buffer(n);
  Buffer scale = setting.buffer(c), bias = setting.buffer(c), running_mean = setting.buffer(c),
         running_var = setting.buffer(c), mean = setting.buffer(c), mean_low = setting.buffer(c),
         inv_std = setting.buffer(c), dscale = setting.buffer(c), dbias = setting.buffer(c);
  fill(x, shape, choices);
  fill(dy, shape, choices);
  fill_parameters(scale, choices);
  fill_parameters(bias, choices);
  running_mean.fill(0.5f);
  running_var.fill(2.0f);
  const bool has_running = !choices.one_in(4);
  const bool in_place = choices.flip();
  const double epsilon = choose_epsilon(choices);
  const double momentum = choices.flip() ? 0.1 : 1.0;

  Outcome outcome = {describe("training and backward", setting.kernels, shape), "", 0};
  Buffer before_mean(c, 0), before_var(c, 0), given_dy(n, 0);
  before_mean.copy_from(running_mean);
  before_var.copy_from(running_var);
  given_dy.copy_from(dy);
  const batchnorm::BatchNormTraining forward = {x.data(),
                                                scale.data(),
                                                bias.data(),
                                                epsilon,
                                                momentum,
                                                has_running ? running_mean.data() : nullptr,
                                                has_running ? running_var.data() : nullptr,
                                                y.data(),
                                                mean.data(),
                                                mean_low.data(),
                                                inv_std.data()};
  const batchnorm::BatchNormBackward backward = {x.data(),
                                                 dy.data(),
                                                 scale.data(),
                                                 mean.data(),
                                                 mean_low.data(),
                                                 inv_std.data(),
                                                 in_place ? dy.data() : dx.data(),
                                                 dscale.data(),
                                                 dbias.data()};
  if (batchnorm::batch_norm_training(setting.kernels, shape, forward) != Status::kOk ||
      batchnorm::batch_norm_backward(setting.kernels, shape, backward) != Status::kOk) {
    outcome.wrong = "out of memory";
    return outcome;
  }
  outcome.wrong = guards({&x, &y, &dy, &dx, &scale, &bias, &running_mean, &running_var, &mean,
                          &mean_low, &inv_std, &dscale, &dbias});
  if (n == 0 || !outcome.wrong.empty()) return outcome;
  outcome.wrong = check_training(shape, forward, before_mean.data(), before_var.data());
  if (outcome.wrong.empty()) {
    outcome.wrong = check_backward(shape, given_dy.data(), epsilon, backward);
  }
  Digest digest;
  for (const Buffer* each : {&y, &running_mean, &running_var, &mean, &mean_low, &inv_std, &dscale,
                             &dbias, in_place ? &dy : &dx}) {
    digest.add(*each);
  }
  outcome.digest = digest.value();
  return outcome;
}

Outcome infer(const Setting& setting) {
  Choices& choices = setting.choices;
  const ImageShape shape = choose_shape(setting);
  const size_t n = shape.elements();
  const size_t c = shape.channels;
  Buffer x = setting.buffer(n), y = setting.buffer(n), scale = setting.buffer(c),
         bias = setting.buffer(c), mean = setting.buffer(c), var = setting.buffer(c);
  fill(x, shape, choices);
  fill_parameters(scale, choices);
  fill_parameters(bias, choices);
  fill_parameters(mean, choices);
  fill_parameters(var, choices);
  // Negative variances, which files can bring, in some.
  if (!choices.one_in(8)) {
    for (size_t i = 0; i < c; i++) var[i] = std::fabs(var[i]);
  }
  Buffer given(n, 0);
  given.copy_from(x);
  const bool in_place = choices.flip();

  Outcome outcome = {describe("inference", setting.kernels, shape), "", 0};
  Buffer& result = in_place ? x : y;
  const batchnorm::BatchNormInference call = {x.data(),     scale.data(), bias.data(),
                                              mean.data(),  var.data(),   choose_epsilon(choices),
                                              result.data()};
  if (batchnorm::batch_norm_inference(setting.kernels, shape, call) != Status::kOk) {
    outcome.wrong = "out of memory";
    return outcome;
  }
  outcome.wrong = guards({&x, &y, &scale, &bias, &mean, &var});
  if (n == 0 || !outcome.wrong.empty()) return outcome;
  outcome.wrong = check_inference(shape, given.data(), call);
  Digest digest;
  digest.add(result);
  outcome.digest = digest.value();
  return outcome;
}

Outcome multiply(const Setting& setting) {
  Choices& choices = setting.choices;
  size_t sizes[3];
  for (size_t& size : sizes) size = choices.one_in(4) ? choices.below(600) : choices.below(40);
  // The oracle takes a double multiplication for each of ours.
  while (sizes[0] * sizes[1] * sizes[2] > 32 * setting.most_elements) {
    size_t& largest = *std::max_element(sizes, sizes + 3);
    largest = (largest + 1) / 2;
  }
  const size_t rows = sizes[0], depth = sizes[1], columns = sizes[2];
  Buffer a = setting.buffer(rows * depth), b = setting.buffer(depth * columns),
         product = setting.buffer(rows * columns);
  fill(a, choices);
  fill(b, choices);
  const batchnorm::Matmul call = {a.data(), b.data(), product.data(), rows,
                                  depth,    columns,  choices.flip(), choices.flip()};
  Outcome outcome = {describe("matmul", setting.kernels, {rows, depth, columns}), "", 0};
  if (batchnorm::matmul(setting.kernels, call) != Status::kOk) {
    outcome.wrong = "out of memory";
    return outcome;
  }
  outcome.wrong = guards({&a, &b, &product});
  if (outcome.wrong.empty()) outcome.wrong = check_matmul(call);
  Digest digest;
  digest.add(product);
  outcome.digest = digest.value();
  return outcome;
}

Outcome add_up(const Setting& setting) {
  Choices& choices = setting.choices;
  const size_t n = std::min(setting.most_elements,
                            choices.flip() ? choices.below(65536) : choose_plane(choices));
  Buffer x = setting.buffer(n);
  fill(x, choices);
  Outcome outcome = {describe("sum_all", setting.kernels, {1, 1, n}), "", 0};
  double sum = -1;
  if (batchnorm::sum_all(setting.kernels, x.data(), n, &sum) != Status::kOk) {
    outcome.wrong = "out of memory";
    return outcome;
  }
  outcome.wrong = guards({&x});
  if (outcome.wrong.empty()) outcome.wrong = check_sum(x.data(), n, sum);
  if (std::isnan(sum)) sum = NAN;
  std::memcpy(&outcome.digest, &sum, sizeof sum);
  return outcome;
}

Outcome soften(const Setting& setting) {
  Choices& choices = setting.choices;
  const size_t columns = choose_plane(choices);
  const size_t rows = std::min(choices.below(70), setting.most_elements / (columns + 1));
  Buffer x = setting.buffer(rows * columns), y = setting.buffer(rows * columns);
  // A row is what a channel is there.
  fill(x, {1, rows, columns}, choices);
  Buffer given(rows * columns, 0);
  given.copy_from(x);
  Buffer& result = choices.flip() ? x : y;
  Outcome outcome = {describe("log_softmax", setting.kernels, {1, rows, columns}), "", 0};
  batchnorm::log_softmax_rows(setting.kernels, x.data(), result.data(), rows, columns);
  outcome.wrong = guards({&x, &y});
  if (outcome.wrong.empty()) {
    outcome.wrong = check_log_softmax(given.data(), result.data(), rows, columns);
  }
  Digest digest;
  digest.add(result);
  outcome.digest = digest.value();
  return outcome;
}

}  // namespace

Outcome run_case(Choices& choices, size_t most_elements, const Kernels* only) {
  // Read in any case, so that the other bytes mean the same with one ISA as with all.
  const bool scalar = choices.one_in(3);
  const Kernels& chosen = scalar ? *batchnorm::find_kernels("scalar") : batchnorm::best_kernels();
  const Setting setting = {choices, only != nullptr ? *only : chosen, most_elements};
  switch (choices.below(8)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return train(setting);
    case 4:
      return infer(setting);
    case 5:
      return multiply(setting);
    case 6:
      return add_up(setting);
    default:
      return soften(setting);
  }
}

}  // namespace stress
