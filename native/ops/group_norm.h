// Normalization of each sample by itself: group, instance and layer norm, and RMS norm. Statistics
// are taken over the channels and positions of a group; scale and bias have one value per channel.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// A tensor [images][groups][channels][plane]. Instance norm has one channel per group; layer norm
// has one group, and planes of one element.
struct GroupShape {
  size_t images;
  size_t groups;
  size_t channels;  // of one group
  size_t plane;

  size_t rows() const { return images * groups; }
  size_t row_length() const { return channels * plane; }
  size_t parameters() const { return groups * channels; }
  size_t elements() const { return rows() * row_length(); }
};

// mean, mean_low and inv_std have one value per row (a group of an image); scale and bias have one
// per channel of all groups. The mean is mean + mean_low, as in batch norm.
struct GroupNorm {
  const float* x;
  const float* scale;  // null for 1
  const float* bias;   // null for 0
  double epsilon;
  bool centered;  // whether to subtract the mean; if not, the mean is taken to be 0
  float* y;
  float* mean;
  float* mean_low;
  float* inv_std;
};

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, variance divided by n; y may be x.
Status group_norm(const Kernels& kernels, const GroupShape& shape, const GroupNorm& call);

struct GroupNormBackward {
  const float* x;
  const float* dy;
  const float* scale;  // null for 1; dscale and dbias are then null, too
  const float* mean;
  const float* mean_low;
  const float* inv_std;
  bool centered;
  float* dx;      // may be dy
  float* dscale;  // may be null
  float* dbias;   // may be null

  bool needs_parameter_gradients() const { return dscale != nullptr || dbias != nullptr; }
};

Status group_norm_backward(const Kernels& kernels, const GroupShape& shape,
                           const GroupNormBackward& call);

}  // namespace batchnorm
