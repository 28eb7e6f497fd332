// Fills a struct Kernels by assigning every member by name. Included last into the namespace of
// each ISA, where F32 and the kernels are those of that ISA.

constexpr Kernels table(const char* isa) {
  Kernels kernels = {};
  kernels.isa = isa;
  kernels.lanes = F32::kLanes;
  kernels.tile_rows = kTileRows;
  kernels.tile_columns = kTileColumns;
  kernels.has_streaming_stores = F32::kStreams;
  kernels.stream_fence = stream_fence;
  kernels.stream = stream;
  kernels.shifted_moments = shifted_moments;
  kernels.normalize = normalize;
  kernels.affine_gradient_sums = affine_gradient_sums;
  kernels.input_gradient = input_gradient;
  kernels.normalize_elements = normalize_elements;
  kernels.scaled_input_gradient = scaled_input_gradient;
  kernels.element_gradient_sums = element_gradient_sums;
  kernels.element_input_gradient = element_input_gradient;
  kernels.element_parameter_gradients = element_parameter_gradients;
  kernels.normalize_relu = normalize_relu;
  kernels.relu_affine_gradient_sums = relu_affine_gradient_sums;
  kernels.relu_input_gradient = relu_input_gradient;
  kernels.residual_relu_affine_gradient_sums = residual_relu_affine_gradient_sums;
#define BATCHNORM_FILL(member, Function) \
  kernels.member = {arithmetic<Function>, arithmetic_scalar<Function>};
  BATCHNORM_ARITHMETIC_KERNELS(BATCHNORM_FILL)
#undef BATCHNORM_FILL
  kernels.where = where;
#define BATCHNORM_FILL(member, Function) kernels.member = unary<Function>;
  BATCHNORM_UNARY_KERNELS(BATCHNORM_FILL)
#undef BATCHNORM_FILL
#define BATCHNORM_FILL(member, Function) kernels.member = binary<Function>;
  BATCHNORM_UNARY_BACKWARD_KERNELS(BATCHNORM_FILL)
#undef BATCHNORM_FILL
  kernels.leaky_relu = leaky_relu;
  kernels.leaky_relu_backward = leaky_relu_backward;
  kernels.dropout = dropout;
  kernels.sum = sum;
  kernels.sum_rows = sum_rows;
  kernels.extremum = extremum;
  kernels.extremum_rows = extremum_rows;
  kernels.extremum_index_rows = extremum_index_rows;
  kernels.log_softmax = log_softmax;
  kernels.log_softmax_backward = log_softmax_backward;
  kernels.softmax = softmax;
  kernels.softmax_backward = softmax_backward;
  kernels.squared_error = loss<SquaredError>;
  kernels.absolute_error = loss<AbsoluteError>;
  kernels.huber = loss<HuberError>;
  kernels.binary_cross_entropy = loss<BinaryCrossEntropy>;
  kernels.weighted_binary_cross_entropy = weighted_binary_cross_entropy;
  kernels.max_pool = max_pool;
  kernels.max_pool_backward = max_pool_backward;
  kernels.avg_pool = avg_pool;
  kernels.avg_pool_backward = avg_pool_backward;
  kernels.matmul_tile = matmul_tile;
  kernels.fill_patch_rows = patch_rows_kernel<F32>();
  kernels.interleave_rows = interleave_rows;
  kernels.convolution_rows = kConvolutionRows;
  kernels.convolution_vectors = kConvolutionVectors;
  kernels.convolution_tile = convolution_tile;
  kernels.channel_tile_channels = kChannelTileChannels;
  kernels.channel_tile_pixels = kChannelTilePixels;
  kernels.convolution_channel_tile = convolution_channel_tile;
  kernels.weight_gradient_rows = kGradientRows;
  kernels.weight_gradient_tile = weight_gradient_tile;
  kernels.narrow_weight_gradient_tile = narrow_weight_gradient_tile;
  kernels.planes_taps = kPlanesTaps;
  kernels.planes_channels = kPlanesChannels;
  kernels.weight_gradient_planes = weight_gradient_planes;
  kernels.correlate_planes = correlate_planes;
  kernels.plane_taps = kPlaneTaps;
  kernels.weight_gradient_plane = weight_gradient_plane;
  kernels.sgd_step = sgd_step;
  kernels.adam_step = adam_step;
  kernels.rmsprop_step = rmsprop_step;
  return kernels;
}
