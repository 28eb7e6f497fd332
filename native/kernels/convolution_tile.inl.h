// A tile of outputs in registers: four output channels by three vectors of pixels are twelve
// accumulators, which with three vectors of x and one weight fill sixteen registers and hide the
// latency of the fused multiply-add; with thirty-two registers it is eight channels by two vectors.
// Of 16, 32 or 64 channels no row of a tile is empty.
constexpr size_t kConvolutionRows = F32::kRegisters >= 32 ? 8 : 4;
constexpr size_t kConvolutionVectors = F32::kRegisters >= 32 ? 2 : 3;
static_assert(kConvolutionVectors <= kMostConvolutionVectors, "members of ConvolutionTile");

// Products that are added one after the other before they join the total: the error of a long chain
// grows with its length.
constexpr size_t kConvolutionChain = 256;

struct ConvolutionSums {
  F32 of[kConvolutionRows][kConvolutionVectors];
};

// The sums over the steps from `begin` on, as many as a chain has.
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
