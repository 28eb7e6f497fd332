// Cases of batch normalization in four steps over a batch in two parts, as the ranks of a group
// call them. The results over both parts are compared with the oracle; if one part is empty, they
// must be bit-identical to the fused operations.
#include <vector>

#include "ops/batch_norm_gradient_sums.h"
#include "ops/batch_norm_input_gradient.h"
#include "ops/batch_norm_moments.h"
#include "ops/batch_norm_normalize.h"
#include "stress/batch_norm_oracle.h"
#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::ImageShape;
using batchnorm::OutputGradient;
using batchnorm::Status;

// A sum for each channel.
using Sums = std::vector<double>;

struct Part {
  ImageShape shape;
  size_t offset;

  double count() const { return static_cast<double>(shape.images * shape.plane); }
};

struct Results {
  Results(const Setting& setting, const ImageShape& shape)
      : y(setting.buffer(shape.elements())),
        passed(setting.buffer(shape.elements())),
        dx(setting.buffer(shape.elements())),
        mean(setting.buffer(shape.channels)),
        mean_low(setting.buffer(shape.channels)),
        inv_std(setting.buffer(shape.channels)),
        factor(setting.buffer(shape.channels)),
        shift(setting.buffer(shape.channels)),
        dscale(setting.buffer(shape.channels)),
        dbias(setting.buffer(shape.channels)) {}

  std::string guards() const {
    return stress::guards(
        {&y, &passed, &dx, &mean, &mean_low, &inv_std, &factor, &shift, &dscale, &dbias});
  }

  // `passed` is the gradient of the normalized values; only the steps after a residual write it.
  Buffer y, passed, dx, mean, mean_low, inv_std, factor, shift, dscale, dbias;
};

class Layer {
 public:
  Layer(const Setting& setting, const ImageShape& image)
      : kernels_(setting.kernels),
        shape_(image),
        x_(setting.buffer(image.elements())),
        residual_(setting.buffer(image.elements())),
        dy_(setting.buffer(image.elements())),
        scale_(setting.buffer(image.channels)),
        bias_(setting.buffer(image.channels)) {
    Choices& choices = setting.choices;
    fill(x_, shape_, choices);
    fill(dy_, shape_, choices);
    fill_parameters(scale_, choices);
    fill_parameters(bias_, choices);
    relu_ = choices.flip();
    adds_ = relu_ && choices.flip();
    if (adds_) fill(residual_, shape_, choices);
    epsilon_ = choose_epsilon(choices);
    const size_t plane = shape_.channels * shape_.plane;
    const size_t first = choices.one_in(4) ? 0 : choices.below(shape_.images + 1);
    parts_[0] = {{first, shape_.channels, shape_.plane}, 0};
    parts_[1] = {{shape_.images - first, shape_.channels, shape_.plane}, first * plane};
  }

  const char* name() const {
    return adds_   ? "training in steps with residual and ReLU"
           : relu_ ? "training in steps with ReLU"
                   : "training in steps";
  }
  bool has_empty_part() const { return parts_[0].shape.images == 0 || parts_[1].shape.images == 0; }

  std::string train_in_steps(Results& to) const {
    Sums mean(shape_.channels), inv_std(shape_.channels);
    if (!find_statistics(mean, inv_std)) return "out of memory";
    for (size_t c = 0; c < shape_.channels; c++) {
      to.mean[c] = static_cast<float>(mean[c]);
      to.mean_low[c] = static_cast<float>(mean[c] - static_cast<double>(to.mean[c]));
      to.inv_std[c] = static_cast<float>(inv_std[c]);
    }
    std::string failure = normalize(mean, inv_std, to);
    if (failure.empty()) failure = propagate(to);
    return failure.empty() ? to.guards() : failure;
  }

  std::string train_fused(Results& to) const {
    batchnorm::BatchNormTraining forward = forward_call(to);
    forward.relu = relu_;
    if (adds_) forward.residual = residual_.data();
    forward.factor = to.factor.data();
    forward.shift = to.shift.data();
    batchnorm::BatchNormBackward backward = backward_call(to);
    backward.dy = dy_.data();
    if (adds_) {
      backward.y = to.y.data();
      backward.dresidual = to.passed.data();
    } else if (relu_) {
      backward.factor = to.factor.data();
      backward.shift = to.shift.data();
    }
    return batch_norm_training(kernels_, shape_, forward) == Status::kOk &&
                   batch_norm_backward(kernels_, shape_, backward) == Status::kOk
               ? to.guards()
               : "out of memory";
  }

 private:
  // The moments of the parts, merged (Chan, Golub and LeVeque, 1983).
  bool find_statistics(Sums& mean, Sums& inv_std) const {
    double count = 0;
    Sums m2(shape_.channels);
    for (const Part& part : parts_) {
      Sums part_mean(shape_.channels), part_m2(shape_.channels);
      if (batch_norm_moments(kernels_, part.shape, x_.data() + part.offset, part_mean.data(),
                             part_m2.data()) != Status::kOk) {
        return false;
      }
      if (part.count() == 0) continue;
      const double both = count + part.count();
      for (size_t c = 0; c < shape_.channels; c++) {
        const double distance = part_mean[c] - mean[c];
        mean[c] += count == 0 ? part_mean[c] : distance * (part.count() / both);
        m2[c] += part_m2[c];
        if (count > 0) m2[c] += distance * distance * (count * part.count() / both);
      }
      count = both;
    }
    for (size_t c = 0; c < shape_.channels; c++) {
      inv_std[c] = 1 / std::sqrt(m2[c] / count + epsilon_);
    }
    return true;
  }

  // Checks y before the ReLU with the oracle.
  std::string normalize(const Sums& mean, const Sums& inv_std, Results& to) const {
    if (!normalize_parts(mean, inv_std, false, to)) return "out of memory";
    std::string failure = check_training(shape_, forward_call(to), nullptr, nullptr);
    if (!failure.empty() || !relu_) return failure;
    Buffer normalized(to.y.size(), 0);
    normalized.copy_from(to.y);
    if (!normalize_parts(mean, inv_std, true, to)) return "out of memory";
    for (size_t i = 0; i < to.y.size() && failure.empty(); i++) {
      const float sum = adds_ ? normalized[i] + residual_[i] : normalized[i];
      failure = compare("y", i, to.y[i], sum < 0 ? 0.0f : sum, 0);
    }
    return failure;
  }

  bool normalize_parts(const Sums& mean, const Sums& inv_std, bool relu, Results& to) const {
    for (const Part& part : parts_) {
      const float* residual = relu && adds_ ? residual_.data() + part.offset : nullptr;
      const batchnorm::NormalizeTensors tensors = {
          x_.data() + part.offset,  scale_.data(), bias_.data(), relu, residual,
          to.y.data() + part.offset};
      if (batch_norm_normalize(kernels_, part.shape, tensors, mean.data(), inv_std.data(),
                               to.factor.data(), to.shift.data()) != Status::kOk) {
        return false;
      }
    }
    return true;
  }

  OutputGradient gradient_of(const Part& part, Results& to) const {
    const float* dy = dy_.data() + part.offset;
    if (adds_) {
      return {dy, nullptr, nullptr, to.y.data() + part.offset, to.passed.data() + part.offset};
    }
    if (relu_) return {dy, to.factor.data(), to.shift.data(), nullptr, nullptr};
    return {dy, nullptr, nullptr, nullptr, nullptr};
  }

  std::string propagate(Results& to) const {
    Buffer passed(dy_.size(), 0);
    for (size_t i = 0; i < passed.size(); i++) passed[i] = relu_ && to.y[i] <= 0 ? 0 : dy_[i];
    Sums sum_dy(shape_.channels), sum_dy_xmu(shape_.channels);
    if (!sum_gradients(sum_dy, sum_dy_xmu, to)) return "out of memory";
    if (adds_) {
      const std::string failure = compare_bits("dresidual", to.passed, passed);
      if (!failure.empty()) return failure;
    }
    for (size_t c = 0; c < shape_.channels; c++) {
      to.dbias[c] = static_cast<float>(sum_dy[c]);
      to.dscale[c] = static_cast<float>(static_cast<double>(to.inv_std[c]) * sum_dy_xmu[c]);
    }
    const double count = parts_[0].count() + parts_[1].count();
    for (const Part& part : parts_) {
      OutputGradient gradient = gradient_of(part, to);
      if (adds_) gradient = {gradient.dresidual, nullptr, nullptr, nullptr, nullptr};
      if (batch_norm_input_gradient(
              kernels_, part.shape, count, x_.data() + part.offset, scale_.data(),
              {to.mean.data(), to.mean_low.data(), to.inv_std.data()}, gradient, sum_dy.data(),
              sum_dy_xmu.data(), to.dx.data() + part.offset) != Status::kOk) {
        return "out of memory";
      }
    }
    return check_backward(shape_, passed.data(), epsilon_, backward_call(to));
  }

  bool sum_gradients(Sums& sum_dy, Sums& sum_dy_xmu, Results& to) const {
    for (const Part& part : parts_) {
      Sums part_dy(shape_.channels), part_dy_xmu(shape_.channels);
      if (batch_norm_gradient_sums(kernels_, part.shape, x_.data() + part.offset, to.mean.data(),
                                   to.mean_low.data(), gradient_of(part, to), part_dy.data(),
                                   part_dy_xmu.data()) != Status::kOk) {
        return false;
      }
      for (size_t c = 0; c < shape_.channels; c++) {
        sum_dy[c] += part_dy[c];
        sum_dy_xmu[c] += part_dy_xmu[c];
      }
    }
    return true;
  }

  batchnorm::BatchNormTraining forward_call(Results& to) const {
    return {x_.data(),        scale_.data(), bias_.data(), epsilon_,       0.1,
            nullptr,          nullptr,       to.y.data(),  to.mean.data(), to.mean_low.data(),
            to.inv_std.data()};
  }
  batchnorm::BatchNormBackward backward_call(Results& to) const {
    return {x_.data(),         nullptr,      scale_.data(),    to.mean.data(), to.mean_low.data(),
            to.inv_std.data(), to.dx.data(), to.dscale.data(), to.dbias.data()};
  }

  const batchnorm::Kernels& kernels_;
  ImageShape shape_;
  Buffer x_, residual_, dy_, scale_, bias_;
  bool relu_ = false, adds_ = false;
  double epsilon_ = 0;
  Part parts_[2] = {};
};

std::string compare_all(const Results& steps, const Results& fused) {
  const struct {
    const char* name;
    const Buffer Results::*member;
  } results[] = {{"y", &Results::y},
                 {"mean", &Results::mean},
                 {"mean_low", &Results::mean_low},
                 {"inv_std", &Results::inv_std},
                 {"dx", &Results::dx},
                 {"dscale", &Results::dscale},
                 {"dbias", &Results::dbias}};
  for (const auto& each : results) {
    const std::string failure = compare_bits(each.name, steps.*each.member, fused.*each.member);
    if (!failure.empty()) return failure;
  }
  return "";
}

}  // namespace

Outcome run_training_in_steps(const Setting& setting) {
  ImageShape shape = choose_shape(setting);
  // The fused operation needs two values per channel.
  if (shape.images * shape.plane == 1) shape.images = 2;
  const Layer layer(setting, shape);
  Results steps(setting, shape), fused(setting, shape);
  Outcome outcome = setting.outcome(layer.name(), {shape.images, shape.channels, shape.plane});
  if (shape.elements() == 0) return outcome;
  outcome.failure = layer.train_in_steps(steps);
  if (outcome.failure.empty() && layer.has_empty_part()) {
    outcome.failure = layer.train_fused(fused);
    if (outcome.failure.empty()) outcome.failure = compare_all(steps, fused);
  }
  outcome.digest = digest({&steps.y, &steps.mean, &steps.mean_low, &steps.inv_std, &steps.dx,
                           &steps.dscale, &steps.dbias});
  return outcome;
}

}  // namespace stress
