// A tile of outputs in registers. With 16 registers: 4 output channels × 3 vectors of pixels = 12
// accumulators, plus 3 vectors of x and 1 weight; 12 accumulators hide the latency of the
// multiply-add (2 ports × 4 cycles). With 32 registers: 8 channels × 2 vectors, with 14: 4 × 2. 16,
// 32 or 64 channels leave no row of a tile empty.
constexpr size_t kConvolutionRows = F32::kRegisters >= 32 ? 8 : 4;
constexpr size_t kConvolutionVectors = F32::kRegisters >= 32 || F32::kRegisters < 16 ? 2 : 3;
static_assert(kConvolutionVectors <= kMaxConvolutionVectors, "members of ConvolutionTile");

using ConvolutionSums = F32[kConvolutionRows][kConvolutionVectors];

// The sums over one chain of steps, at least one, from `begin` on.
BATCHNORM_INLINE void add_convolution_chain(const ConvolutionTile& tile, size_t begin,
                                            ConvolutionSums& sums) {
  const size_t rest = tile.depth - begin;
  const float* weights = tile.weights + begin * kConvolutionRows;
  const size_t* offsets = tile.offsets + begin;
  const size_t* const end = offsets + (rest < kConvolutionChain ? rest : kConvolutionChain);
  const float* x[kConvolutionVectors];
  for (size_t v = 0; v < kConvolutionVectors; v++) x[v] = tile.x[v];
  for (size_t row = 0; row < kConvolutionRows; row++) {
    for (size_t v = 0; v < kConvolutionVectors; v++) sums[row][v] = F32::zero();
  }
  do {
    F32 pixels[kConvolutionVectors];
    for (size_t v = 0; v < kConvolutionVectors; v++) pixels[v] = F32::load(x[v] + *offsets);
    for (size_t row = 0; row < kConvolutionRows; row++) {
      const F32 weight = F32::broadcast(weights[row]);
      for (size_t v = 0; v < kConvolutionVectors; v++) {
        sums[row][v] = mul_add(weight, pixels[v], sums[row][v]);
      }
    }
    weights += kConvolutionRows;
  } while (++offsets != end);
}

// Stores the rows from kRow on. Recursive, because g++ does not unroll a loop that may end early;
// with a variable index it would keep the sums in memory.
template <size_t kRow = 0>
BATCHNORM_INLINE void store_convolution_rows(const ConvolutionTile& tile,
                                             const ConvolutionSums& sums) {
  if constexpr (kRow < kConvolutionRows) {
    if (kRow >= tile.rows) return;
    const F32 bias = F32::broadcast(tile.bias == nullptr ? 0.0f : tile.bias[kRow]);
    for (size_t v = 0; v < kConvolutionVectors; v++) {
      (sums[kRow][v] + bias).store(tile.y[v] + kRow * tile.row_stride);
    }
    store_convolution_rows<kRow + 1>(tile, sums);
  }
}

// Several chains: the sums so far do not fit in registers beside those of a chain.
BATCHNORM_NOINLINE void deep_convolution_tile(const ConvolutionTile& tile) {
  ConvolutionSums total;
  add_convolution_chain(tile, 0, total);
  for (size_t begin = kConvolutionChain; begin < tile.depth; begin += kConvolutionChain) {
    ConvolutionSums sums;
    add_convolution_chain(tile, begin, sums);
    for (size_t row = 0; row < kConvolutionRows; row++) {
      for (size_t v = 0; v < kConvolutionVectors; v++) {
        total[row][v] = total[row][v] + sums[row][v];
      }
    }
  }
  store_convolution_rows(tile, total);
}

inline void convolution_tile(const ConvolutionTile& tile) {
  if (tile.depth > kConvolutionChain) return deep_convolution_tile(tile);
  ConvolutionSums sums;
  add_convolution_chain(tile, 0, sums);
  store_convolution_rows(tile, sums);
}
