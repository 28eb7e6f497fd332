// A tile of outputs in registers whose vectors hold channels, so that no lane is empty in images
// whose rows are no multiple of a vector. With 32 registers: 4 vectors of channels × 7 pixels = 28
// accumulators, plus 4 vectors of weights, which the multiply-adds share with a pixel read from
// memory; the images of ImageNet's networks are 7 · 2^n pixels wide. With 16 registers: 2 × 6.
constexpr size_t kChannelTileVectors = F32::kRegisters >= 32 ? 4 : 2;
constexpr size_t kChannelTilePixels = F32::kRegisters >= 32 ? 7 : F32::kRegisters >= 16 ? 6 : 5;
constexpr size_t kChannelTileChannels = kChannelTileVectors * F32::kLanes;
static_assert(kChannelTileChannels <= kMaxChannelTileChannels && kChannelTilePixels >= 4,
              "what Correlation expects");

inline void convolution_channel_tile(const ConvolutionChannelTile& tile) {
  F32 sums[kChannelTilePixels][kChannelTileVectors];
  for (size_t pixel = 0; pixel < kChannelTilePixels; pixel++) {
    for (size_t v = 0; v < kChannelTileVectors; v++) sums[pixel][v] = F32::zero();
  }
  const float* weights = tile.weights;
  const float* const x = tile.x;
  const float* next = tile.next;
  const size_t* const offsets = tile.offsets;
  const size_t steps = tile.steps;
  for (size_t k = 0; k < steps; k++, weights += kChannelTileChannels) {
    const float* const pixels = x + offsets[k];
    prefetch_line_to_l2(next);
    next += tile.next_step;
    for (size_t pixel = 0; pixel < kChannelTilePixels; pixel++) {
      const F32 value = F32::broadcast(pixels[pixel]);
      for (size_t v = 0; v < kChannelTileVectors; v++) {
        sums[pixel][v] = mul_add(F32::load(weights + v * F32::kLanes), value, sums[pixel][v]);
      }
    }
  }
  float* to = tile.sums;
  for (size_t pixel = 0; pixel < kChannelTilePixels; pixel++) {
    for (size_t v = 0; v < kChannelTileVectors; v++, to += F32::kLanes) {
      F32 total = sums[pixel][v];
      if (tile.adds) total = F32::load(to) + total;
      if (tile.bias != nullptr) total = total + F32::load(tile.bias + v * F32::kLanes);
      total.store(to);
    }
  }
}
