// The constants of the gradients of group norm, and the gradients of norms with a scale per element
// (layer norm), which group_norm_elements.cc computes.
#pragma once

#include "ops/group_norm.h"
#include "ops/status.h"

namespace batchnorm {

// The constants of a row in dx = ((dy * scale - dy_mean) - (x - mean) * xhat_coefficient) * inv_std
// + shift; the arrays have one value per row.
struct RowConstants {
  float* dy_mean;
  float* xhat_coefficient;
  float* shift;

  // From the sums of dy * scale and of dy * scale * (x - mean - mean_low).
  void set(const GroupNormBackward& call, size_t row, double sum, double products,
           double count) const {
    const double inv_std = static_cast<double>(call.inv_std[row]);
    const double mean = call.centered ? sum / count : 0;
    const double coefficient = inv_std * inv_std * products / count;
    dy_mean[row] = static_cast<float>(mean);
    xhat_coefficient[row] = static_cast<float>(coefficient);
    // Corrects for the rounding of both means to float32.
    const double dy_mean_low = mean - static_cast<double>(dy_mean[row]);
    const double mean_low = static_cast<double>(call.mean_low[row]);
    shift[row] = static_cast<float>((mean_low * coefficient - dy_mean_low) * inv_std);
  }
};

// Shared by both ways of computing the gradients: with a scale per plane, and per element.
struct GroupGradient {
  const Kernels& kernels;
  const GroupShape& shape;
  const GroupNormBackward& call;
  RowConstants constants;
  bool streaming;
};

// dx, dscale and dbias of rows with a scale per element: planes of one element.
Status element_gradients(const GroupGradient& gradient);

}  // namespace batchnorm
