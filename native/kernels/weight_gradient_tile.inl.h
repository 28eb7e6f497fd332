// Weight gradients of 6 taps × one or two vectors of output channels. Like matmul_tile, except that
// x is not packed: in the padded image, the pixels that a tap is multiplied with are consecutive.
// The one-vector variant processes two pixels at a time, so both variants have 12 accumulators.
// With 14 registers: 4 taps.
constexpr size_t kGradientRows = F32::kRegisters >= 16 ? 6 : 4;

// Hides from the compiler how a value was computed. Otherwise it keeps one register per channel
// offset instead of three for all, and spills the running pointers.
template <class Value>
inline Value in_register(Value value) {
#if defined(__GNUC__)
  __asm__("" : "+r"(value));
#endif
  return value;
}

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
  // One pointer moves over x, and the taps are at fixed distances from it: rows are as short as 7
  // pixels, and g++ would compute a pointer per tap for each of them in vector registers.
  size_t taps[kGradientRows];
  for (size_t row = 0; row < kGradientRows; row++) taps[row] = in_register(tile.offsets[row]);
  const auto add = [&](const float* x, F32(&into)[kGradientRows][kVectors]) {
    F32 gradients[kVectors];
    for (size_t v = 0; v < kVectors; v++) gradients[v] = F32::load(dy + v * F32::kLanes);
    for (size_t row = 0; row < kGradientRows; row++) {
      const F32 factor = F32::broadcast(x[taps[row]]);
      for (size_t v = 0; v < kVectors; v++) {
        into[row][v] = mul_add(factor, gradients[v], into[row][v]);
      }
    }
    dy += stride;
  };
  const size_t gap = tile.row_stride - tile.columns;
  for (size_t image = 0; image < tile.images; image++) {
    const float* x = tile.x + image * tile.image_stride;
    for (size_t line = 0; line < tile.rows; line++, x += gap) {
      const float* const end = x + tile.columns;
      if constexpr (kPixels == 2) {
        for (const float* const pairs = end - tile.columns % 2; x != pairs; x += 2) {
          add(x, sum[0]);
          add(x + 1, sum[1]);
        }
      }
      for (; x != end; x++) add(x, sum[0]);
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
