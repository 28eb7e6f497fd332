// Cases of batch normalization without fusion.
#include "stress/batch_norm_oracle.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

using batchnorm::ImageShape;
using batchnorm::Status;

// Training, then the backward pass with the statistics that training saved.
Outcome run_training(const Setting& setting) {
  Choices& choices = setting.choices;
  ImageShape shape = choose_shape(setting);
  // TypeScript rejects one value per channel.
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

  Outcome outcome =
      setting.outcome("training and backward", {shape.images, shape.channels, shape.plane});
  Buffer before_mean(c, 0), before_var(c, 0), original_dy(n, 0);
  before_mean.copy_from(running_mean);
  before_var.copy_from(running_var);
  original_dy.copy_from(dy);
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
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = guards({&x, &y, &dy, &dx, &scale, &bias, &running_mean, &running_var, &mean,
                            &mean_low, &inv_std, &dscale, &dbias});
  if (n == 0 || !outcome.failure.empty()) return outcome;
  outcome.failure = check_training(shape, forward, before_mean.data(), before_var.data());
  if (outcome.failure.empty()) {
    outcome.failure = check_backward(shape, original_dy.data(), epsilon, backward);
  }
  outcome.digest = digest({&y, &running_mean, &running_var, &mean, &mean_low, &inv_std, &dscale,
                           &dbias, in_place ? &dy : &dx});
  return outcome;
}

Outcome run_inference(const Setting& setting) {
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
  // Some negative variances, which a file may contain.
  if (!choices.one_in(8)) {
    for (size_t i = 0; i < c; i++) var[i] = std::fabs(var[i]);
  }
  Buffer original(n, 0);
  original.copy_from(x);
  const bool in_place = choices.flip();

  Outcome outcome = setting.outcome("inference", {shape.images, shape.channels, shape.plane});
  Buffer& result = in_place ? x : y;
  const batchnorm::BatchNormInference call = {x.data(),     scale.data(), bias.data(),
                                              mean.data(),  var.data(),   choose_epsilon(choices),
                                              result.data()};
  if (batchnorm::batch_norm_inference(setting.kernels, shape, call) != Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = guards({&x, &y, &scale, &bias, &mean, &var});
  if (n == 0 || !outcome.failure.empty()) return outcome;
  outcome.failure = check_inference(shape, original.data(), call);
  outcome.digest = digest({&result});
  return outcome;
}

}  // namespace stress
