// 2D convolution, as in neural networks (cross-correlation): the forward pass, and the gradients
// with respect to input, weights and bias. Each operation is divided among the threads.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// Kernels are square; weights are out_channels x in_channels x kernel x kernel. stride and kernel
// are at least 1, and the kernel is no larger than the padded image.
struct ConvolutionShape {
  size_t images;
  size_t in_channels, height, width;
  size_t out_channels;
  size_t kernel, stride, padding;

  size_t out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  size_t out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
  size_t in_plane() const { return height * width; }
  size_t out_plane() const { return out_height() * out_width(); }
  size_t taps() const { return kernel * kernel; }
};

// y[n][o][r][c] = bias[o] + the sum over i, s, t of weight[o][i][s][t] *
// x[n][i][r * stride - padding + s][c * stride - padding + t]; bias may be null.
Status convolution(const Kernels& kernels, const ConvolutionShape& shape, const float* x,
                   const float* weight, const float* bias, float* y);

// dx, the gradient with respect to x.
Status convolution_input_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                  const float* dy, const float* weight, float* dx);

// The gradients with respect to the weights and the bias; dbias may be null.
Status convolution_weight_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                   const float* x, const float* dy, float* dweight, float* dbias);

}  // namespace batchnorm
