#include "ops/batch_norm_backward.h"

#include "ops/channel_passes.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

// What the second pass needs of each channel besides its mean.
struct Coefficients {
  float* dy_mean;
  float* slope;
  float* scale;
  float* shift;
};

class BackwardPasses {
 public:
  using Partial = GradientSums;

  BackwardPasses(const Kernels& kernels, const ImageShape& shape,
                 const BatchNormBackward& arguments, const Coefficients& coefficients)
      : kernels_(kernels),
        arguments_(arguments),
        count_(static_cast<double>(shape.images * shape.plane)),
        coefficients_(coefficients),
        streaming_(worth_streaming(kernels, shape.elements() * bytes_per_element())) {}

  static size_t bytes_per_element() { return 3 * sizeof(float); }

  void reduce(size_t offset, size_t channel, const Block& block, GradientSums* out) const {
    kernels_.gradient_sums(arguments_.x + offset, arguments_.dy + offset, arguments_.mean + channel,
                           block, out);
  }

  void finish(size_t channel, const GradientSums& sums) const {
    const double inv_std = static_cast<double>(arguments_.inv_std[channel]);
    const double mean_low = static_cast<double>(arguments_.mean_low[channel]);
    const double deviations = sums.dy_x - mean_low * sums.dy;  // sum of dy * (x - whole mean)
    const double dy_mean = sums.dy / count_;
    const double slope = inv_std * inv_std * deviations / count_;
    const double scale = static_cast<double>(arguments_.scale[channel]) * inv_std;
    const float dy_mean_high = static_cast<float>(dy_mean);
    const double dy_mean_low = dy_mean - static_cast<double>(dy_mean_high);

    arguments_.dbias[channel] = static_cast<float>(sums.dy);
    arguments_.dscale[channel] = static_cast<float>(inv_std * deviations);
    coefficients_.dy_mean[channel] = dy_mean_high;
    coefficients_.slope[channel] = static_cast<float>(slope);
    coefficients_.scale[channel] = static_cast<float>(scale);
    // What rounding both means to float left out.
    coefficients_.shift[channel] = static_cast<float>((mean_low * slope - dy_mean_low) * scale);
  }

  void apply(size_t offset, size_t channel, const Block& block) const {
    const float* x = arguments_.x + offset;
    const float* dy = arguments_.dy + offset;
    float* dx = arguments_.dx + offset;
    if (streaming_) {
      stream_block(
          kernels_, dx, block, [&](size_t start, size_t first, const Block& run, float* buffer) {
            if (run.next != 0) {
              prefetch_run(x + start + run.next, run.channels * run.length);
              prefetch_run(dy + start + run.next, run.channels * run.length);
            }
            kernels_.input_gradient(x + start, dy + start, buffer, run, gradient(channel + first));
          });
    } else {
      kernels_.input_gradient(x, dy, dx, block, gradient(channel));
    }
  }

  void complete() const {
    if (streaming_) kernels_.stream_fence();
  }

 private:
  InputGradient gradient(size_t channel) const {
    return {arguments_.mean + channel, coefficients_.dy_mean + channel,
            coefficients_.slope + channel, coefficients_.scale + channel,
            coefficients_.shift + channel};
  }

  const Kernels& kernels_;
  const BatchNormBackward& arguments_;
  double count_;
  Coefficients coefficients_;
  bool streaming_;
};

}  // namespace

Status batch_norm_backward(const Kernels& kernels, const ImageShape& shape,
                           const BatchNormBackward& arguments) {
  Scratch scratch;
  float* memory = scratch.get<float>(4 * shape.channels);
  if (memory == nullptr) return Status::kOutOfMemory;
  const Coefficients coefficients = {memory, memory + shape.channels, memory + 2 * shape.channels,
                                     memory + 3 * shape.channels};
  BackwardPasses passes(kernels, shape, arguments, coefficients);
  return run_channel_passes(shape, passes);
}

}  // namespace batchnorm
