// Cases of batch normalization fused with a ReLU, with and without a residual. The separate
// operations are compared with the oracle, and the fused ones must have the same bits.
#include "ops/elementwise.h"
#include "stress/batch_norm_oracle.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::BatchNormBackward;
using batchnorm::BatchNormInference;
using batchnorm::BatchNormTraining;
using batchnorm::ImageShape;
using batchnorm::Status;

// y = max(0, x + residual) to the bit; NaN stays NaN. The residual may be null.
std::string check_add_relu(const Buffer& x, const float* residual, const Buffer& y) {
  for (size_t i = 0; i < y.size(); i++) {
    const float sum = residual == nullptr ? x[i] : x[i] + residual[i];
    const std::string failure = compare("y", i, y[i], sum < 0 ? 0.0f : sum, 0);
    if (!failure.empty()) return failure;
  }
  return "";
}

// dy passes where the output of the ReLU is nonzero.
std::string check_passed(const Buffer& y, const Buffer& dy, const Buffer& passed) {
  for (size_t i = 0; i < y.size(); i++) {
    const std::string failure = compare("passed dy", i, passed[i], y[i] <= 0 ? 0.0f : dy[i], 0);
    if (!failure.empty()) return failure;
  }
  return "";
}

struct Layer {
  Layer(const Setting& setting, const ImageShape& image)
      : shape(image),
        x(setting.buffer(image.elements())),
        residual(setting.buffer(image.elements())),
        scale(setting.buffer(image.channels)),
        bias(setting.buffer(image.channels)) {
    fill(x, shape, setting.choices);
    fill_parameters(scale, setting.choices);
    fill_parameters(bias, setting.choices);
    adds = setting.choices.flip();
    if (adds) fill(residual, shape, setting.choices);
    epsilon = choose_epsilon(setting.choices);
  }

  // Applied in place to the normalized values in y.
  void add_relu(const batchnorm::Kernels& kernels, Buffer& y) const {
    const size_t n = y.size();
    if (adds) {
      batchnorm::apply_binary(kernels, kernels.add.tensor, y.data(), residual.data(), y.data(), n);
    }
    batchnorm::apply_unary(kernels, kernels.relu, y.data(), y.data(), n);
  }
  const float* added() const { return adds ? residual.data() : nullptr; }

  ImageShape shape;
  Buffer x, residual, scale, bias;
  bool adds;
  double epsilon;
};

constexpr float kMeanBefore = 0.5f, kVarBefore = 2.0f;

struct Trained {
  Trained(const Setting& setting, const ImageShape& shape)
      : y(setting.buffer(shape.elements())),
        passed(setting.buffer(shape.elements())),
        dx(setting.buffer(shape.elements())),
        running_mean(setting.buffer(shape.channels)),
        running_var(setting.buffer(shape.channels)),
        mean(setting.buffer(shape.channels)),
        mean_low(setting.buffer(shape.channels)),
        inv_std(setting.buffer(shape.channels)),
        dscale(setting.buffer(shape.channels)),
        dbias(setting.buffer(shape.channels)) {
    running_mean.fill(kMeanBefore);
    running_var.fill(kVarBefore);
  }

  BatchNormTraining forward(const Layer& layer) {
    return {
        layer.x.data(),      layer.scale.data(), layer.bias.data(), layer.epsilon, 0.1,
        running_mean.data(), running_var.data(), y.data(),          mean.data(),   mean_low.data(),
        inv_std.data()};
  }
  BatchNormBackward backward(const Layer& layer, const float* dy) {
    return {layer.x.data(), dy,        layer.scale.data(), mean.data(), mean_low.data(),
            inv_std.data(), dx.data(), dscale.data(),      dbias.data()};
  }
  std::string guards() const {
    return stress::guards({&y, &passed, &dx, &running_mean, &running_var, &mean, &mean_low,
                           &inv_std, &dscale, &dbias});
  }

  Buffer y, passed, dx, running_mean, running_var, mean, mean_low, inv_std, dscale, dbias;
};

// Runs the separate operations and checks each one.
std::string train_chain(const Setting& setting, const Layer& layer, const Buffer& dy,
                        Trained& chain) {
  const size_t n = layer.shape.elements();
  const BatchNormTraining forward = chain.forward(layer);
  if (batchnorm::batch_norm_training(setting.kernels, layer.shape, forward) != Status::kOk) {
    return "out of memory";
  }
  const std::vector<float> mean(layer.shape.channels, kMeanBefore),
      var(layer.shape.channels, kVarBefore);
  std::string failure = check_training(layer.shape, forward, mean.data(), var.data());
  if (!failure.empty()) return failure;

  Buffer normalized(n, 0);
  normalized.copy_from(chain.y);
  layer.add_relu(setting.kernels, chain.y);
  failure = check_add_relu(normalized, layer.added(), chain.y);
  if (!failure.empty()) return failure;

  batchnorm::apply_binary(setting.kernels, setting.kernels.relu_backward, chain.y.data(), dy.data(),
                          chain.passed.data(), n);
  failure = check_passed(chain.y, dy, chain.passed);
  if (!failure.empty()) return failure;

  const BatchNormBackward backward = chain.backward(layer, chain.passed.data());
  if (batchnorm::batch_norm_backward(setting.kernels, layer.shape, backward) != Status::kOk) {
    return "out of memory";
  }
  failure = check_backward(layer.shape, chain.passed.data(), layer.epsilon, backward);
  return failure.empty() ? chain.guards() : failure;
}

// Runs the fused operations; if `in_place`, in place of the residual and of dy.
std::string train_fused(const Setting& setting, const Layer& layer, const Buffer& dy, bool in_place,
                        Trained& fused) {
  const size_t c = layer.shape.channels;
  Buffer factor = setting.buffer(c), shift = setting.buffer(c);
  BatchNormTraining forward = fused.forward(layer);
  forward.relu = true;
  forward.residual = layer.added();
  if (layer.adds && in_place) {
    fused.y.copy_from(layer.residual);
    forward.residual = fused.y.data();
  }
  if (!layer.adds) {
    forward.factor = factor.data();
    forward.shift = shift.data();
  }
  if (batchnorm::batch_norm_training(setting.kernels, layer.shape, forward) != Status::kOk) {
    return "out of memory";
  }

  if (in_place) fused.dx.copy_from(dy);
  BatchNormBackward backward = fused.backward(layer, in_place ? fused.dx.data() : dy.data());
  if (layer.adds) {
    backward.y = fused.y.data();
    backward.dresidual = fused.passed.data();
  } else {
    backward.factor = factor.data();
    backward.shift = shift.data();
  }
  if (batchnorm::batch_norm_backward(setting.kernels, layer.shape, backward) != Status::kOk) {
    return "out of memory";
  }
  const std::string failure = guards({&factor, &shift});
  return failure.empty() ? fused.guards() : failure;
}

std::string compare_trained(const Trained& fused, const Trained& chain, bool adds) {
  const struct {
    const char* name;
    const Buffer Trained::*member;
  } results[] = {{"y", &Trained::y},
                 {"running_mean", &Trained::running_mean},
                 {"running_var", &Trained::running_var},
                 {"mean", &Trained::mean},
                 {"mean_low", &Trained::mean_low},
                 {"inv_std", &Trained::inv_std},
                 {"dx", &Trained::dx},
                 {"dscale", &Trained::dscale},
                 {"dbias", &Trained::dbias}};
  for (const auto& each : results) {
    const std::string failure = compare_bits(each.name, fused.*each.member, chain.*each.member);
    if (!failure.empty()) return failure;
  }
  return adds ? compare_bits("dresidual", fused.passed, chain.passed) : "";
}

}  // namespace

Outcome run_training_with_relu(const Setting& setting) {
  ImageShape shape = choose_shape(setting);
  // TypeScript rejects one value per channel.
  if (shape.images * shape.plane == 1) shape.images = 2;
  const Layer layer(setting, shape);
  Buffer dy = setting.buffer(shape.elements());
  fill(dy, shape, setting.choices);
  const bool in_place = setting.choices.flip();
  Trained chain(setting, shape), fused(setting, shape);
  Outcome outcome =
      setting.outcome(layer.adds ? "training with residual and ReLU" : "training with ReLU",
                      {shape.images, shape.channels, shape.plane});
  if (shape.elements() == 0) return outcome;
  outcome.failure = train_chain(setting, layer, dy, chain);
  if (outcome.failure.empty()) outcome.failure = train_fused(setting, layer, dy, in_place, fused);
  if (!outcome.failure.empty()) return outcome;
  outcome.failure = compare_trained(fused, chain, layer.adds);
  outcome.digest = digest({&fused.y, &fused.dx, &fused.dscale, &fused.dbias});
  return outcome;
}

Outcome run_inference_with_relu(const Setting& setting) {
  const ImageShape shape = choose_shape(setting);
  const Layer layer(setting, shape);
  Buffer mean = setting.buffer(shape.channels), var = setting.buffer(shape.channels);
  fill_parameters(mean, setting.choices);
  fill_parameters(var, setting.choices);
  for (size_t i = 0; i < var.size(); i++) var[i] = std::fabs(var[i]);
  Outcome outcome =
      setting.outcome(layer.adds ? "inference with residual and ReLU" : "inference with ReLU",
                      {shape.images, shape.channels, shape.plane});
  const size_t n = shape.elements();
  Buffer chain(n, 0), normalized(n, 0), fused = setting.buffer(n);
  BatchNormInference call = {layer.x.data(), layer.scale.data(), layer.bias.data(), mean.data(),
                             var.data(),     layer.epsilon,      chain.data()};
  if (batchnorm::batch_norm_inference(setting.kernels, shape, call) != Status::kOk) {
    outcome.failure = "out of memory";
    return outcome;
  }
  outcome.failure = check_inference(shape, layer.x.data(), call);
  normalized.copy_from(chain);
  layer.add_relu(setting.kernels, chain);
  if (outcome.failure.empty()) outcome.failure = check_add_relu(normalized, layer.added(), chain);

  // Sometimes in place of the residual, or of x without one.
  call.relu = true;
  call.residual = layer.added();
  call.y = fused.data();
  if (setting.choices.flip()) {
    fused.copy_from(layer.adds ? layer.residual : layer.x);
    (layer.adds ? call.residual : call.x) = fused.data();
  }
  if (batchnorm::batch_norm_inference(setting.kernels, shape, call) != Status::kOk) {
    outcome.failure = "out of memory";
  }
  if (outcome.failure.empty()) outcome.failure = guards({&chain, &fused, &mean, &var});
  if (outcome.failure.empty()) outcome.failure = compare_bits("y", fused, chain);
  outcome.digest = digest({&fused});
  return outcome;
}

}  // namespace stress
