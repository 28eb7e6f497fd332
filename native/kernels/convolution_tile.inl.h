// A tile of outputs in registers. With 16 registers: 4 output channels × 3 vectors of pixels = 12
// accumulators, plus 3 vectors of x and 1 weight; 12 accumulators hide the latency of the
// multiply-add (2 ports × 4 cycles). With 32 registers: 8 channels × 2 vectors. 16, 32 or 64
// channels leave no row of a tile empty.
constexpr size_t kConvolutionRows = F32::kRegisters >= 32 ? 8 : 4;
constexpr size_t kConvolutionVectors = F32::kRegisters >= 32 ? 2 : 3;
static_assert(kConvolutionVectors <= kMaxConvolutionVectors, "members of ConvolutionTile");

struct ConvolutionSums {
  F32 of[kConvolutionRows][kConvolutionVectors];
};

// The sums over one chain of steps from `begin` on.
inline ConvolutionSums convolution_chain(const ConvolutionTile& tile, size_t begin) {
  const size_t rest = tile.depth - begin;
  const size_t steps = rest < kConvolutionChain ? rest : kConvolutionChain;
  const float* weights = tile.weights + begin * kConvolutionRows;
  const size_t* offsets = tile.offsets + begin;
  const float* x[kConvolutionVectors];
  for (size_t v = 0; v < kConvolutionVectors; v++) x[v] = tile.x[v];
  ConvolutionSums sums;
  for (size_t row = 0; row < kConvolutionRows; row++) {
    for (size_t v = 0; v < kConvolutionVectors; v++) sums.of[row][v] = F32::zero();
  }
  for (size_t k = 0; k < steps; k++, weights += kConvolutionRows) {
    F32 pixels[kConvolutionVectors];
    for (size_t v = 0; v < kConvolutionVectors; v++) pixels[v] = F32::load(x[v] + offsets[k]);
    for (size_t row = 0; row < kConvolutionRows; row++) {
      const F32 weight = F32::broadcast(weights[row]);
      for (size_t v = 0; v < kConvolutionVectors; v++) {
        sums.of[row][v] = mul_add(weight, pixels[v], sums.of[row][v]);
      }
    }
  }
  return sums;
}

inline void convolution_tile(const ConvolutionTile& tile) {
  ConvolutionSums total = convolution_chain(tile, 0);
  for (size_t begin = kConvolutionChain; begin < tile.depth; begin += kConvolutionChain) {
    const ConvolutionSums sums = convolution_chain(tile, begin);
    for (size_t row = 0; row < kConvolutionRows; row++) {
      for (size_t v = 0; v < kConvolutionVectors; v++) {
        total.of[row][v] = total.of[row][v] + sums.of[row][v];
      }
    }
  }
  for (size_t row = 0; row < kConvolutionRows; row++) {
    if (row >= tile.rows) break;
    const F32 bias = F32::broadcast(tile.bias == nullptr ? 0.0f : tile.bias[row]);
    for (size_t v = 0; v < kConvolutionVectors; v++) {
      (total.of[row][v] + bias).store(tile.y[v] + row * tile.row_stride);
    }
  }
}
