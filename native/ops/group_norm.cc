#include "ops/group_norm.h"

#include <cmath>

#include "ops/channel_passes.h"
#include "ops/group_planes.h"
#include "ops/moment_step.h"
#include "ops/scratch.h"
#include "ops/streaming.h"

namespace batchnorm {

namespace {

// The mean square of a row whose float sum overflowed, or which contains Inf or NaN.
double sum_of_squares(const float* x, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

// Below this many elements the sample of channel_moments.h is so small that one row in six would be
// summed a second time.
constexpr size_t kShortRow = 1024;

// The mean of up to 32 elements from all over a row; exact for a constant row.
float sample_mean(const float* x, size_t n) {
  constexpr size_t kRuns = 4, kPixels = 8;
  if (n < kPixels) {
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] - x[0];
    return x[0] + sum / static_cast<float>(n);
  }
  float sums[kPixels] = {};
  for (size_t run = 0; run < kRuns; run++) {
    const float* from = x + run * (n - kPixels) / (kRuns - 1);
    for (size_t i = 0; i < kPixels; i++) sums[i] += from[i] - x[0];
  }
  float sum = 0;
  for (size_t i = 0; i < kPixels; i++) sum += sums[i];
  return x[0] + sum / static_cast<float>(kRuns * kPixels);
}

// Both passes over the rows, as channels of one image.
class GroupNormPasses {
 public:
  static constexpr bool kApplies = true;

  GroupNormPasses(const Kernels& kernels, const GroupShape& shape, const GroupNorm& call,
                  const MomentStep& moments, float* around, bool streaming)
      : kernels_(kernels),
        shape_(shape),
        call_(call),
        moments_(moments),
        around_(around),
        streaming_(streaming) {}

  size_t bytes_per_element() const { return 2 * sizeof(float); }

  void prepare(size_t row, size_t rows) const {
    const size_t length = shape_.row_length();
    if (!call_.centered) {
      std::fill_n(around_ + row, rows, 0.0f);
    } else if (length < kShortRow) {
      for (size_t i = row; i < row + rows; i++)
        around_[i] = sample_mean(call_.x + i * length, length);
    } else {
      moments_.prepare(row, rows);
    }
  }

  void reduce(size_t offset, size_t row, const Block& block, ChannelSums* out) const {
    moments_.reduce(offset, row, block, out);
  }

  template <class SumsAgain>
  void finish(size_t row, const ChannelSums& sums, const SumsAgain& sums_again) const {
    const size_t length = shape_.row_length();
    Moments moments = {static_cast<double>(length), 0, sums.products};
    if (call_.centered) {
      moments = moments_.finish(row, sums, sums_again);
    } else if (!std::isfinite(sums.products)) {
      moments.m2 = sum_of_squares(call_.x + row * length, length);
    }
    const float mean = static_cast<float>(moments.mean);
    call_.mean[row] = mean;
    call_.mean_low[row] = static_cast<float>(moments.mean - static_cast<double>(mean));
    call_.inv_std[row] =
        static_cast<float>(1 / std::sqrt(moments.m2 / moments.count + call_.epsilon));
  }

  void apply(size_t offset, size_t row, const Block& block) const {
    if (shape_.plane == 1 && call_.scale != nullptr) return apply_elements(offset, row, block);
    const size_t length = shape_.row_length();
    if (block.length == length) {
      return apply_planes(offset, offset + block.channels * length);
    }
    for (size_t i = 0; i < block.channels; i++) {
      apply_planes(offset + i * length, offset + i * length + block.length);
    }
  }

  void complete() const {
    if (streaming_) kernels_.stream_fence();
  }

 private:
  // A scale per element: the rows share it if there is one group.
  void apply_elements(size_t offset, size_t row, const Block& block) const {
    const size_t length = shape_.row_length();
    const size_t start = offset - row * length;
    float shift[kMaxChannels];
    for (size_t i = 0; i < block.channels; i++) {
      shift[i] = -call_.mean_low[row + i] * call_.inv_std[row + i];
    }
    const size_t together = shape_.groups == 1 ? block.channels : 1;
    for (size_t i = 0; i < block.channels; i += together) {
      const size_t parameter = (row + i) % shape_.groups * length + start;
      const ElementNormalization params = {
          call_.mean + row + i, call_.inv_std + row + i, shift + i, call_.scale + parameter,
          call_.bias == nullptr ? nullptr : call_.bias + parameter};
      const size_t at = offset + i * length;
      kernels_.normalize_elements(call_.x + at, call_.y + at,
                                  {1, together, block.length, 0, block.channel_stride}, params,
                                  streaming_);
    }
  }

  void apply_planes(size_t begin, size_t end) const {
    for_each_plane_batch(
        shape_.plane, begin, end, [&](size_t at, size_t plane, const Block& block) {
          float mean[kMaxChannels], factor[kMaxChannels], shift[kMaxChannels];
          PlaneIndex index(shape_, plane);
          for (size_t i = 0; i < block.channels; i++, index.next()) {
            const size_t row = index.row;
            const size_t parameter = index.parameter;
            const double scale =
                call_.scale == nullptr ? 1 : static_cast<double>(call_.scale[parameter]);
            const double bias =
                call_.bias == nullptr ? 0 : static_cast<double>(call_.bias[parameter]);
            const double product = scale * static_cast<double>(call_.inv_std[row]);
            mean[i] = call_.mean[row];
            factor[i] = static_cast<float>(product);
            shift[i] =
                static_cast<float>(bias - static_cast<double>(call_.mean_low[row]) * product);
          }
          kernels_.normalize(call_.x + at, call_.y + at, block, {mean, factor, shift}, streaming_);
        });
  }

  const Kernels& kernels_;
  const GroupShape& shape_;
  const GroupNorm& call_;
  const MomentStep& moments_;
  float* around_;
  bool streaming_;
};

}  // namespace

Status group_norm(const Kernels& kernels, const GroupShape& shape, const GroupNorm& call) {
  const size_t rows = shape.rows();
  if (shape.elements() == 0) {
    for (float* each : {call.mean, call.mean_low, call.inv_std}) std::fill_n(each, rows, 0.0f);
    return Status::kOk;
  }
  Scratch scratch;
  float* around = scratch.get<float>(rows);
  if (around == nullptr) return Status::kOutOfMemory;
  const ImageShape image = {1, rows, shape.row_length()};
  const bool streaming = worth_streaming(kernels, shape.elements() * 2 * sizeof(float));
  const MomentStep moments(kernels, image, call.x, around);
  GroupNormPasses passes(kernels, shape, call, moments, around, streaming);
  return run_channel_passes(image, passes);
}

}  // namespace batchnorm
