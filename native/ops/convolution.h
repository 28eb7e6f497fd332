// 2D convolution, as in neural networks (cross-correlation): the forward pass, and the gradients
// with respect to input, weights and bias. Each operation is divided among the threads.
#pragma once

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// Output i of an axis reads the inputs i * stride + tap * dilation - padding for tap < kernel.
// Inputs outside 0 .. size are zero, whatever out_size is. kernel, stride and dilation are at
// least 1.
struct ConvolutionAxis {
  size_t size, out_size;
  size_t kernel, stride, dilation, padding;
};

// x is images x groups x in_channels x height x width, and y is images x groups x out_channels x
// out_height x out_width. Weights are groups x out_channels x in_channels x kernel rows x kernel
// columns. Channel counts are those of one group.
struct ConvolutionShape {
  size_t images, groups;
  size_t in_channels, out_channels;
  ConvolutionAxis rows, columns;

  size_t height() const { return rows.size; }
  size_t width() const { return columns.size; }
  size_t out_height() const { return rows.out_size; }
  size_t out_width() const { return columns.out_size; }
  size_t in_plane() const { return height() * width(); }
  size_t out_plane() const { return out_height() * out_width(); }
  size_t taps() const { return rows.kernel * columns.kernel; }
  size_t group_weights() const { return out_channels * in_channels * taps(); }
  // Sizes of one group of an image, and of an image.
  size_t in_group() const { return in_channels * in_plane(); }
  size_t out_group() const { return out_channels * out_plane(); }
  size_t in_image() const { return groups * in_group(); }
  size_t out_image() const { return groups * out_group(); }
};

struct ConvolutionArguments {
  const float* x;
  const float* weight;
  const float* bias;  // may be null
  float* y;
  // Whether `weight` was packed by pack_convolution_weights for the same shape, apart from
  // `images`.
  bool is_packed = false;
  // Added to y, unless null; it has the shape of y, which it must not overlap.
  const float* residual = nullptr;
  bool relu = false;  // applied last
};

// y[n][o][r][c] = bias[o] + the sum over i, s, t of weight[o][i][s][t] * x[n][i][row][column], with
// the row and the column that ConvolutionAxis describes.
Status convolution(const Kernels& kernels, const ConvolutionShape& shape,
                   const ConvolutionArguments& arguments);

// The order in which convolution() reads the weights. Sizes are in floats, SIZE_MAX on overflow.
size_t packed_convolution_weights(const Kernels& kernels, const ConvolutionShape& shape);
void pack_convolution_weights(const Kernels& kernels, const ConvolutionShape& shape,
                              const float* weight, float* packed);

// dx, the gradient with respect to x. `bias`, unless null, has a value for each channel of x that
// is added to it; a transposed convolution has one. With `adds`, the gradient is added to dx, once
// its sums are complete; the bias must be null then.
Status convolution_input_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                  const float* dy, const float* weight, const float* bias,
                                  float* dx, bool adds = false);

// The gradients with respect to the weights and the bias; either may be null.
Status convolution_weight_gradient(const Kernels& kernels, const ConvolutionShape& shape,
                                   const float* x, const float* dy, float* dweight, float* dbias);

}  // namespace batchnorm
