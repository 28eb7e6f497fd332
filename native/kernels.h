// The interface between the operations (ops/) and the code of an ISA: struct Kernels has one
// function pointer per kernel, and each ISA provides one constant table of them.
//
// Kernels are single-threaded, allocate nothing and trust their arguments; ops/ splits the work and
// binding/ checks the memory. kernels/table.inl.h fills the tables by assigning every member by
// name, once for all ISAs. A member that it leaves out stays null and crashes the native tests,
// which call every member on every ISA.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pooling.h"

namespace batchnorm {

// Part of an NCHW tensor, relative to its first element: for each of `images` images and each of
// `channels` neighboring channels, `length` consecutive elements of the plane.
struct Block {
  size_t images;
  size_t channels;
  size_t length;
  size_t image_stride;    // floats from one image to the next: C*H*W
  size_t channel_stride;  // floats from one channel to the next: H*W
  // Floats from the last image of this block to the data read after it, or 0. A prefetch hint; the
  // memory need not exist.
  ptrdiff_t next = 0;
};

// Maximum number of channels of a block that is passed to a summing kernel.
constexpr size_t kMaxChannels = 64;

// Maximum number of pixel vectors in a convolution tile.
constexpr size_t kMaxConvolutionVectors = 3;

// Sums over one channel: of deviations d from a shift and of d * d, or of dy and dy * (x - mean).
struct ChannelSums {
  double sum;
  double products;
};

// y = (x - mean) * scale + shift, one value of each per channel. The subtraction comes first
// because a*x + b cancels where |mean| is much larger than the deviations.
struct Normalization {
  const float* mean;
  const float* scale;
  const float* shift;
};

// dx = ((dy - dy_mean) - (x - mean) * xhat_coefficient) * scale + shift, one value of each per
// channel. xhat_coefficient is invstd * mean(dy * xhat), xhat = (x - mean) * invstd.
struct InputGradient {
  const float* mean;
  const float* dy_mean;
  const float* xhat_coefficient;
  const float* scale;
  const float* shift;
};

// y = ((x - mean) * inv_std + shift) * scale + bias: mean, inv_std and shift have one value per row
// (a channel of the block), scale and bias one per position in a row. bias may be null.
struct ElementNormalization {
  const float* mean;
  const float* inv_std;
  const float* shift;
  const float* scale;
  const float* bias;
};

// Rows with their statistics, xhat = (x - mean) * inv_std + shift.
struct ElementRows {
  size_t count;   // at most kMaxElementRows
  size_t stride;  // floats from one row to the next
  const float* mean;
  const float* inv_std;
  const float* shift;
};

// Rows that element_parameter_gradients sums in float; kAdditions of row_sums.inl.h.
constexpr size_t kMaxElementRows = 8;

// One step of stochastic gradient descent over a whole parameter.
struct SgdStep {
  float learning_rate;
  float l2;         // added to the gradient: l2 * parameter
  float decoupled;  // subtracted from the parameter: learning_rate * decoupled * parameter
  float momentum;   // ignored without a velocity
  bool nesterov;
};

// One step of Adam. beta is the weight of the old moment, weight = 1 - beta that of the new value,
// correction = 1 / (1 - beta^steps).
struct AdamStep {
  float learning_rate;
  float beta1, beta2;
  float weight1, weight2;
  float correction1, correction2;
  float epsilon;
  float l2;
  float decoupled;
};

// One step of RMSprop. weight = 1 - alpha is the weight of the new values in the running means.
struct RmspropStep {
  float learning_rate;
  float weight;
  float epsilon;
  float momentum;  // ignored without a velocity
  float l2;
  float decoupled;
};

// The random numbers of dropout are generated for groups of this many elements, so every piece of a
// tensor begins at a multiple of it.
constexpr size_t kDropoutGroup = 32;

struct Dropout {
  uint32_t key0, key1;
  float p;       // probability of a zero
  float scale;   // factor for the elements that are kept: 1 / (1 - p)
  size_t first;  // index of the first element in the whole tensor, a multiple of kDropoutGroup
};

// Some rows of each channel of a band of patches (ops/patch_layout.h), `count` floats each without
// gaps: `above` rows of zeros, `rows` rows of pixels and `below` rows of zeros. Float j of a row of
// pixels is x[first + j * stride], or zero where that index is outside 0 .. width. Less than a
// vector behind the last row is overwritten, too.
struct PatchRows {
  const float* x;
  size_t x_channel, x_row;  // floats from one channel, and one row, to the next
  size_t width;
  ptrdiff_t first;
  size_t stride;  // 1 or 2
  size_t count;
  size_t channels, above, rows, below;
  float* to;
  float* other;       // unless null, receives x[first + 1 + j * stride]; only for stride 2
  size_t to_channel;  // floats from one channel to the next, in `other`, too
};

// `rows` rows of `width` floats: those at even columns are from `even`, the others from `odd`.
struct InterleavedRows {
  const float* even;  // null if all are `unused`
  const float* odd;
  float unused;
  size_t rows, width;
  size_t stride;  // floats from one row of `even`, and of `odd`, to the next
  float* to;
  size_t to_stride;
  bool adds;  // to the values in `to`; otherwise it overwrites them
};

// A tile of a convolution's output: for rows (output channels) below `rows` and each vector v of
// consecutive pixels, y[v][row * row_stride + lane] = bias[row] + the sum over k < depth of
// weights[k][row] * x[v][offsets[k] + lane].
struct ConvolutionTile {
  const float* weights;  // packed: depth groups of convolution_rows floats
  const size_t* offsets;
  size_t depth;
  const float* bias;  // may be null
  const float* x[kMaxConvolutionVectors];
  float* y[kMaxConvolutionVectors];  // two vectors may be the same or overlap in both x and y
  size_t row_stride;
  size_t rows;
};

// Products of a convolution that are added in one chain before they join the total: the rounding
// error grows with the length of the chain. All kernels divide a sum in the same way, so that they
// compute the same bits.
constexpr size_t kConvolutionChain = 256;

constexpr size_t kMaxChannelTileChannels = 64;

// One chain of the sums of a tile of channel_tile_pixels consecutive pixels and
// channel_tile_channels output channels: the sum over k < steps of weights[k][channel] *
// x[offsets[k] + pixel].
struct ConvolutionChannelTile {
  const float* weights;  // packed: steps groups of channel_tile_channels floats
  const size_t* offsets;
  size_t steps;  // at most kConvolutionChain
  const float* x;
  float* sums;        // of each channel of the first pixel, then of the second
  bool adds;          // to the sums; otherwise they are overwritten
  const float* bias;  // added, too, unless null
  const float* next;  // prefetched to the second-level cache: a line in each step
  size_t next_step;   // floats from one such line to the next; 0 if nothing needs prefetching
};

// Output channels of a convolution in groups so small that a tile of several channels would be
// mostly empty: in each plane, y[row][column] = bias + the sum over k < depth of weights[k] *
// x[row][column + offsets[k]].
struct CorrelatedPlanes {
  size_t planes;
  const float* weights;
  size_t weights_stride;  // floats from one plane to the next
  const size_t* offsets;
  size_t depth;
  const float* bias;  // one value per plane; may be null
  const float* x;     // a vector can be read at the start of a row that is shorter
  size_t x_plane, x_stride;
  float* y;  // rows without gaps
  size_t y_plane;
  size_t rows, columns;
};

// Part of a weight gradient: sums over pixels of x times dy, for weight_gradient_rows kernel taps
// and one or two vectors of output channels. For each pixel of each of `rows` lines of each image,
// sums[row][column] += x[offsets[row] + pixel] * dy[pixel][column]. In x, the pixels of a line are
// contiguous; in dy, all pixels are.
struct WeightGradientTile {
  const float* x;
  const size_t* offsets;
  size_t images, image_stride;
  size_t rows, row_stride;
  size_t columns;
  const float* dy;
  size_t dy_stride;  // floats from one pixel to the next
  double* sums;
  size_t sums_stride;
};

// The same sums for planes_taps taps and planes_channels output channels, with dy stored channel by
// channel and rows of whole vectors of pixels: sums[tap][channel] +=
// x[offsets[tap] + pixel] * dy[channel][pixel].
struct WeightGradientPlanes {
  const float* x;
  const size_t* offsets;
  size_t images, image_stride;
  size_t rows, row_stride;
  size_t columns;  // a multiple of the lanes
  const float* dy;
  size_t dy_image_stride, dy_channel_stride, dy_row_stride;
  double* sums;
  size_t sums_stride;
};

// The same sums for plane_taps taps of one output channel and rows of any length.
struct WeightGradientPlane {
  const float* x;
  const size_t* offsets;
  size_t images, image_stride;
  size_t rows, row_stride;
  size_t columns;
  const float* dy;
  size_t dy_image_stride, dy_row_stride;
  double* sums;
  size_t sums_stride;
};

using UnaryKernel = void (*)(const float* x, float* y, size_t n);
using BinaryKernel = void (*)(const float* a, const float* b, float* out, size_t n);
using BinaryScalarKernel = void (*)(const float* a, float b, float* out, size_t n);

// Returns the sum of the loss over n pairs of x and target. Unless they are null, `losses` receives
// each loss and `gradient` its derivative with respect to x, both times `factor`.
using LossKernel = double (*)(const float* x, const float* target, float parameter, float factor,
                              float* losses, float* gradient, size_t n);
// The same with a weight for each pair.
using WeightedLossKernel = double (*)(const float* x, const float* target, const float* weight,
                                      float factor, float* losses, float* gradient, size_t n);

struct Arithmetic {
  BinaryKernel tensor;        // out[i] = a[i] op b[i]
  BinaryScalarKernel scalar;  // out[i] = a[i] op b
};

// The element-wise kernels with two arguments (kernels/arithmetic.inl.h).
#define BATCHNORM_ARITHMETIC_KERNELS(X) \
  X(add, Add)                           \
  X(sub, Sub)                           \
  X(mul, Mul)                           \
  X(div, Div)                           \
  X(maximum, Maximum)                   \
  X(minimum, Minimum)                   \
  X(less, Less)                         \
  X(less_equal, LessEqual)              \
  X(greater, Greater)                   \
  X(greater_equal, GreaterEqual)        \
  X(equal, Equal)                       \
  X(not_equal, NotEqual)

// The element-wise kernels with one argument, y = f(x): the name of the kernel, and the struct that
// computes one vector (kernels/unary.inl.h, kernels/activations.inl.h). These lists generate the
// members of struct Kernels, their assignments in table.inl.h, and the binding.
#define BATCHNORM_UNARY_KERNELS(X) \
  X(exp, Exp)                      \
  X(log, Log)                      \
  X(sqrt, Sqrt)                    \
  X(square, Square)                \
  X(relu, Relu)                    \
  X(abs, Abs)                      \
  X(sigmoid, Sigmoid)              \
  X(tanh, Tanh)                    \
  X(gelu, Gelu)                    \
  X(silu, Silu)

// Their gradients, dx = f(x, dy) for log, square, abs, gelu and silu, dx = f(y, dy) for the others.
#define BATCHNORM_UNARY_BACKWARD_KERNELS(X) \
  X(exp_backward, ExpBackward)              \
  X(log_backward, LogBackward)              \
  X(sqrt_backward, SqrtBackward)            \
  X(square_backward, SquareBackward)        \
  X(relu_backward, ReluBackward)            \
  X(abs_backward, AbsBackward)              \
  X(sigmoid_backward, SigmoidBackward)      \
  X(tanh_backward, TanhBackward)            \
  X(gelu_backward, GeluBackward)            \
  X(silu_backward, SiluBackward)

struct Kernels {
  const char* isa;
  size_t lanes;         // floats in one vector
  size_t tile_rows;     // rows of C that matmul_tile computes
  size_t tile_columns;  // columns of C that matmul_tile computes

  // Batch normalization; `out` has one entry per channel of the block. With `streaming`, results
  // bypass the caches, and other threads see them only after stream_fence().
  bool has_streaming_stores;
  void (*stream_fence)();
  // y = x, bypassing the caches.
  void (*stream)(const float* x, float* y, size_t n);
  void (*shifted_moments)(const float* x, const float* shift, const Block& block, ChannelSums* out);
  void (*normalize)(const float* x, float* y, const Block& block, const Normalization& params,
                    bool streaming);
  void (*affine_gradient_sums)(const float* x, const float* dy, const float* mean,
                               const Block& block, ChannelSums* out);
  void (*input_gradient)(const float* x, const float* dy, float* dx, const Block& block,
                         const InputGradient& params, bool streaming);

  // Group and layer normalization: the channels of a group, or the positions of a row, share their
  // statistics and differ in scale and bias. The input gradients use dy * scale as dy; their
  // params.scale is 1 / std.
  void (*normalize_elements)(const float* x, float* y, const Block& block,
                             const ElementNormalization& params, bool streaming);
  void (*scaled_input_gradient)(const float* x, const float* dy, const float* scale, float* dx,
                                const Block& block, const InputGradient& params, bool streaming);
  // Rows are the channels of the block; scale has one value per position.
  void (*element_gradient_sums)(const float* x, const float* dy, const float* mean,
                                const float* scale, const Block& block, ChannelSums* out);
  void (*element_input_gradient)(const float* x, const float* dy, const float* scale, float* dx,
                                 const Block& block, const InputGradient& params, bool streaming);
  // Adds sums over the rows to dscale and, unless null, dbias.
  void (*element_parameter_gradients)(const float* x, const float* dy, const ElementRows& rows,
                                      size_t columns, double* dscale, double* dbias);

  // Fused with the ReLU that follows: dy is the gradient of the ReLU's output; it passes where that
  // output is nonzero.
  // y = max(0, normalized + residual); residual may be null, y may be x or residual.
  void (*normalize_relu)(const float* x, const float* residual, float* y, const Block& block,
                         const Normalization& params, bool streaming);
  // Without a residual: the ReLU's output is recomputed from x by normalize_relu's operations.
  void (*relu_affine_gradient_sums)(const float* x, const float* dy, const Normalization& forward,
                                    const Block& block, ChannelSums* out);
  void (*relu_input_gradient)(const float* x, const float* dy, float* dx, const Block& block,
                              const Normalization& forward, const InputGradient& params,
                              bool streaming);
  // With a residual: y is the ReLU's output. Stores the part of dy that passes, which is the
  // residual's gradient.
  void (*residual_relu_affine_gradient_sums)(const float* x, const float* y, const float* dy,
                                             float* passed, const float* mean, const Block& block,
                                             ChannelSums* out);

  // Element-wise operations; out may be one of the inputs, but must not partially overlap any.
#define BATCHNORM_MEMBER(member, Function) Arithmetic member;
  BATCHNORM_ARITHMETIC_KERNELS(BATCHNORM_MEMBER)
#undef BATCHNORM_MEMBER
  // out = condition ? a : b, for conditions other than 0.
  void (*where)(const float* condition, const float* a, const float* b, float* out, size_t n);
#define BATCHNORM_MEMBER(member, Function) UnaryKernel member;
  BATCHNORM_UNARY_KERNELS(BATCHNORM_MEMBER)
#undef BATCHNORM_MEMBER
#define BATCHNORM_MEMBER(member, Function) BinaryKernel member;
  BATCHNORM_UNARY_BACKWARD_KERNELS(BATCHNORM_MEMBER)
#undef BATCHNORM_MEMBER
  // y = x > 0 ? x : negative_slope * x, and dx = x > 0 ? dy : negative_slope * dy.
  BinaryScalarKernel leaky_relu;
  void (*leaky_relu_backward)(const float* x, const float* dy, float negative_slope, float* dx,
                              size_t n);
  void (*dropout)(const float* x, float* y, size_t n, const Dropout& params);

  // Reductions.
  double (*sum)(const float* x, size_t n);
  // sums[j] += x[0][j] + x[1][j] + ..., for rows of `columns` floats, `stride` floats apart.
  void (*sum_rows)(const float* x, size_t rows, size_t columns, size_t stride, double* sums);

  // The largest of sign * x[i], NaN if one is NaN, -Inf if n is 0. A sign of -1 instead of 1 finds
  // the smallest value, negated.
  float (*extremum)(const float* x, size_t n, float sign);
  // most[j] = the largest of most[j] and of sign * x[row][j] for all rows, NaN if one is NaN.
  void (*extremum_rows)(const float* x, size_t rows, size_t columns, size_t stride, float sign,
                        float* most);
  // The same, and index[j] = the first row with a value larger than most[j] was, if there is one.
  void (*extremum_index_rows)(const float* x, size_t rows, size_t columns, size_t stride,
                              float sign, float* most, float* index);

  // One row of log(softmax(x)), and its gradient from the result y.
  void (*log_softmax)(const float* x, float* y, size_t n);
  void (*log_softmax_backward)(const float* y, const float* dy, float* dx, size_t n);
  // One row of softmax(x), and its gradient from the result y.
  void (*softmax)(const float* x, float* y, size_t n);
  BinaryKernel softmax_backward;

  // Of these, only huber uses `parameter` (delta).
  LossKernel squared_error, absolute_error, huber, binary_cross_entropy;
  WeightedLossKernel weighted_binary_cross_entropy;

  // Pooling of one plane; scratch has pool_scratch() floats.
  void (*max_pool)(const float* x, float* y, const Pooling& params, float* scratch);
  void (*max_pool_backward)(const float* x, const float* y, const float* dy, float* dx,
                            const Pooling& params, float* scratch);
  void (*avg_pool)(const float* x, float* y, const Pooling& params, float* scratch);
  void (*avg_pool_backward)(const float* dy, float* dx, const Pooling& params, float* scratch);

  // C[tile_rows][tile_columns] = A * B, or += if `accumulate`. A and B are packed: A as `depth`
  // columns of tile_rows floats, B as `depth` rows of tile_columns floats.
  void (*matmul_tile)(const float* a, const float* b, size_t depth, float* c, size_t c_stride,
                      bool accumulate);

  // Copies of a convolution's inputs, null if the ISA has no masks, and of its input gradients.
  void (*fill_patch_rows)(const PatchRows& rows);
  void (*interleave_rows)(const InterleavedRows& rows);

  // Convolution and its weight gradient: tile sizes, and kernels that compute one tile.
  size_t convolution_rows, convolution_vectors;
  void (*convolution_tile)(const ConvolutionTile& tile);
  size_t channel_tile_channels, channel_tile_pixels;
  void (*convolution_channel_tile)(const ConvolutionChannelTile& tile);
  size_t weight_gradient_rows;
  void (*weight_gradient_tile)(const WeightGradientTile& tile);         // two vectors of channels
  void (*narrow_weight_gradient_tile)(const WeightGradientTile& tile);  // one vector of channels
  size_t planes_taps, planes_channels;
  void (*weight_gradient_planes)(const WeightGradientPlanes& planes);
  // Depthwise convolution.
  void (*correlate_planes)(const CorrelatedPlanes& planes);
  size_t plane_taps;
  void (*weight_gradient_plane)(const WeightGradientPlane& plane);

  // One optimizer step in place. velocity is null without momentum, mean_gradient is null unless
  // RMSprop is centered.
  void (*sgd_step)(float* parameter, const float* gradient, float* velocity, size_t n,
                   const SgdStep& step);
  void (*adam_step)(float* parameter, const float* gradient, float* moment1, float* moment2,
                    float* max_moment2, size_t n, const AdamStep& step);
  void (*rmsprop_step)(float* parameter, const float* gradient, float* mean_square, float* velocity,
                       float* mean_gradient, size_t n, const RmspropStep& step);
};

}  // namespace batchnorm
