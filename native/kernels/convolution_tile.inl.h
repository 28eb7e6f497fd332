// A tile of outputs in registers: four output channels by three vectors of pixels are twelve
// accumulators, which with three vectors of x and one weight fill sixteen registers and hide the
// latency of the fused multiply-add. Sixteen, 32 or 64 channels leave no row of it empty.
constexpr size_t kConvolutionRows = 4;
constexpr size_t kConvolutionVectors = 3;
static_assert(kConvolutionVectors == kMostConvolutionVectors, "members of ConvolutionTile");

// Products that are added one after the other before they join the total: the error of a long chain
// grows with its length.
constexpr size_t kConvolutionChain = 256;

inline void convolution_tile(const ConvolutionTile& tile) {
  const float* x0 = tile.x[0];
  const float* x1 = tile.x[1];
  const float* x2 = tile.x[2];
  const float* weights = tile.weights;
  F32 total[kConvolutionRows][kConvolutionVectors];
  for (size_t row = 0; row < kConvolutionRows; row++) {
    for (size_t v = 0; v < kConvolutionVectors; v++) total[row][v] = F32::zero();
  }
  for (size_t begin = 0; begin < tile.depth; begin += kConvolutionChain) {
    const size_t rest = tile.depth - begin;
    const size_t steps = rest < kConvolutionChain ? rest : kConvolutionChain;
    const size_t* offsets = tile.offsets + begin;
    F32 sum[kConvolutionRows][kConvolutionVectors];
    for (size_t row = 0; row < kConvolutionRows; row++) {
      for (size_t v = 0; v < kConvolutionVectors; v++) sum[row][v] = F32::zero();
    }
    for (size_t k = 0; k < steps; k++, weights += kConvolutionRows) {
      const size_t offset = offsets[k];
      const F32 pixels0 = F32::load(x0 + offset);
      const F32 pixels1 = F32::load(x1 + offset);
      const F32 pixels2 = F32::load(x2 + offset);
      for (size_t row = 0; row < kConvolutionRows; row++) {
        const F32 weight = F32::broadcast(weights[row]);
        sum[row][0] = mul_add(weight, pixels0, sum[row][0]);
        sum[row][1] = mul_add(weight, pixels1, sum[row][1]);
        sum[row][2] = mul_add(weight, pixels2, sum[row][2]);
      }
    }
    for (size_t row = 0; row < kConvolutionRows; row++) {
      for (size_t v = 0; v < kConvolutionVectors; v++) total[row][v] = total[row][v] + sum[row][v];
    }
  }
  for (size_t row = 0; row < kConvolutionRows; row++) {
    if (row >= tile.rows) break;
    const F32 bias = F32::broadcast(tile.bias == nullptr ? 0.0f : tile.bias[row]);
    for (size_t v = 0; v < kConvolutionVectors; v++) {
      (total[row][v] + bias).store(tile.y[v] + row * tile.row_stride);
    }
  }
}
