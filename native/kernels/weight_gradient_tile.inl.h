// Gradients of six taps of the weights by two vectors of output channels: like matmul_tile, but
// what would be packed is read from the padded image, where the pixels that a tap meets stand side
// by side.
constexpr size_t kGradientRows = 6;
constexpr size_t kGradientVectors = 2;
constexpr size_t kGradientColumns = kGradientVectors * F32::kLanes;

inline void weight_gradient_tile(const WeightGradientTile& tile) {
  F32 sum[kGradientRows][kGradientVectors];
  for (size_t row = 0; row < kGradientRows; row++) {
    for (size_t v = 0; v < kGradientVectors; v++) sum[row][v] = F32::zero();
  }
  const float* dy = tile.dy;
  for (size_t image = 0; image < tile.images; image++) {
    for (size_t line = 0; line < tile.rows; line++) {
      const float* x = tile.x + image * tile.image_stride + line * tile.row_stride;
      const float* tap0 = x + tile.offsets[0];
      const float* tap1 = x + tile.offsets[1];
      const float* tap2 = x + tile.offsets[2];
      const float* tap3 = x + tile.offsets[3];
      const float* tap4 = x + tile.offsets[4];
      const float* tap5 = x + tile.offsets[5];
      for (size_t i = 0; i < tile.columns; i++, dy += tile.dy_stride) {
        const F32 left = F32::load(dy);
        const F32 right = F32::load(dy + F32::kLanes);
        const float factors[kGradientRows] = {tap0[i], tap1[i], tap2[i], tap3[i], tap4[i], tap5[i]};
        for (size_t row = 0; row < kGradientRows; row++) {
          const F32 factor = F32::broadcast(factors[row]);
          sum[row][0] = mul_add(factor, left, sum[row][0]);
          sum[row][1] = mul_add(factor, right, sum[row][1]);
        }
      }
    }
  }
  for (size_t row = 0; row < kGradientRows; row++) {
    float lanes[kGradientColumns];
    sum[row][0].store(lanes);
    sum[row][1].store(lanes + F32::kLanes);
    double* sums = tile.sums + row * tile.sums_stride;
    for (size_t column = 0; column < kGradientColumns; column++) {
      sums[column] += static_cast<double>(lanes[column]);
    }
  }
}
