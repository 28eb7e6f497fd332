// Weight gradients of 6 taps × one or two vectors of output channels. Like matmul_tile, except that
// x is not packed: in the padded image, the pixels that a tap is multiplied with are consecutive.
// The one-vector variant processes two pixels at a time, so both variants have 12 accumulators.
constexpr size_t kGradientRows = 6;

template <size_t kVectors>
inline void add_weight_gradients(const WeightGradientTile& tile) {
  constexpr size_t kPixels = kVectors == 1 ? 2 : 1;
  F32 sum[kPixels][kGradientRows][kVectors];
  for (size_t pixel = 0; pixel < kPixels; pixel++) {
    for (size_t row = 0; row < kGradientRows; row++) {
      for (size_t v = 0; v < kVectors; v++) sum[pixel][row][v] = F32::zero();
    }
  }
  const float* dy = tile.dy;
  const size_t stride = tile.dy_stride;
  for (size_t image = 0; image < tile.images; image++) {
    for (size_t line = 0; line < tile.rows; line++) {
      const float* x = tile.x + image * tile.image_stride + line * tile.row_stride;
      const float* taps[kGradientRows];
      for (size_t row = 0; row < kGradientRows; row++) taps[row] = x + tile.offsets[row];
      const auto add = [&](size_t i, F32(&into)[kGradientRows][kVectors]) {
        F32 gradients[kVectors];
        for (size_t v = 0; v < kVectors; v++) gradients[v] = F32::load(dy + v * F32::kLanes);
        for (size_t row = 0; row < kGradientRows; row++) {
          const F32 factor = F32::broadcast(taps[row][i]);
          for (size_t v = 0; v < kVectors; v++) {
            into[row][v] = mul_add(factor, gradients[v], into[row][v]);
          }
        }
        dy += stride;
      };
      size_t i = 0;
      if constexpr (kPixels == 2) {
        for (; i + 2 <= tile.columns; i += 2) {
          add(i, sum[0]);
          add(i + 1, sum[1]);
        }
      }
      for (; i < tile.columns; i++) add(i, sum[0]);
    }
  }
  for (size_t row = 0; row < kGradientRows; row++) {
    for (size_t v = 0; v < kVectors; v++) {
      F32 total = sum[0][row][v];
      if constexpr (kPixels == 2) total = total + sum[1][row][v];
      double* const to = tile.sums + row * tile.sums_stride + v * F32::kLanes;
      F64Lanes sums = F64Lanes::load(to);
      sums.add(total);
      sums.store(to);
    }
  }
}

inline void weight_gradient_tile(const WeightGradientTile& tile) { add_weight_gradients<2>(tile); }

inline void narrow_weight_gradient_tile(const WeightGradientTile& tile) {
  add_weight_gradients<1>(tile);
}
