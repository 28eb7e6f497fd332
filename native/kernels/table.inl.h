// Every kernel of one ISA, in the order of struct Kernels. Included last, where F32 is that ISA's.

constexpr Kernels table(const char* isa) {
  Kernels kernels = {};
  kernels.isa = isa;
  kernels.lanes = F32::kLanes;
  kernels.tile_rows = kTileRows;
  kernels.tile_columns = kTileColumns;
  kernels.has_streaming_stores = F32::kStreams;
  kernels.stream_fence = stream_fence;
  kernels.deviation_sums = deviation_sums;
  kernels.normalize = normalize;
  kernels.gradient_sums = gradient_sums;
  kernels.input_gradient = input_gradient;
  kernels.add = {arithmetic<Add>, arithmetic_scalar<Add>};
  kernels.sub = {arithmetic<Sub>, arithmetic_scalar<Sub>};
  kernels.mul = {arithmetic<Mul>, arithmetic_scalar<Mul>};
  kernels.div = {arithmetic<Div>, arithmetic_scalar<Div>};
  kernels.exp = unary<Exp>;
  kernels.log = unary<Log>;
  kernels.sqrt = unary<SquareRoot>;
  kernels.square = unary<Square>;
  kernels.relu = unary<Relu>;
  kernels.relu_backward = relu_backward;
  kernels.sum = sum;
  kernels.sum_rows = sum_rows;
  kernels.log_softmax = log_softmax;
  kernels.log_softmax_backward = log_softmax_backward;
  kernels.matmul_tile = matmul_tile;
  kernels.convolution_rows = kConvolutionRows;
  kernels.convolution_vectors = kConvolutionVectors;
  kernels.convolution_tile = convolution_tile;
  kernels.weight_gradient_rows = kGradientRows;
  kernels.weight_gradient_tile = weight_gradient_tile;
  kernels.narrow_weight_gradient_tile = narrow_weight_gradient_tile;
  kernels.sgd_step = sgd_step;
  kernels.adam_step = adam_step;
  kernels.rmsprop_step = rmsprop_step;
  return kernels;
}
