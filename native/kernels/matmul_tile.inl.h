// Matrix multiplication of packed strips into one tile of C, which stays in registers for the whole
// depth. With 16 registers: 6 rows × 2 vectors = 12 accumulators, plus 2 vectors of B and 1 element
// of A; 12 accumulators hide the latency of the multiply-add (2 ports × 4 cycles). With 32
// registers: 12 rows, so each vector of B is loaded half as often. With 14: 5 rows.
constexpr size_t kTileRows = F32::kRegisters >= 32 ? 12 : F32::kRegisters >= 16 ? 6 : 5;
constexpr size_t kTileVectors = 2;
constexpr size_t kTileColumns = kTileVectors * F32::kLanes;

inline void matmul_tile(const float* a, const float* b, size_t depth, float* c, size_t c_stride,
                        bool accumulate_into_c) {
#if defined(__GNUC__)
  // Loads the lines of C while the products are computed: in a large matrix they are not in a near
  // cache.
  for (size_t row = 0; row < kTileRows; row++) __builtin_prefetch(c + row * c_stride, 1);
#endif
  F32 tile[kTileRows][kTileVectors];
  for (size_t row = 0; row < kTileRows; row++) {
    for (size_t vector = 0; vector < kTileVectors; vector++) tile[row][vector] = F32::zero();
  }
  for (size_t k = 0; k < depth; k++, a += kTileRows, b += kTileColumns) {
    const F32 left = F32::load(b);
    const F32 right = F32::load(b + F32::kLanes);
    for (size_t row = 0; row < kTileRows; row++) {
      const F32 factor = F32::broadcast(a[row]);
      tile[row][0] = mul_add(factor, left, tile[row][0]);
      tile[row][1] = mul_add(factor, right, tile[row][1]);
    }
  }
  for (size_t row = 0; row < kTileRows; row++) {
    for (size_t vector = 0; vector < kTileVectors; vector++) {
      float* target = c + row * c_stride + vector * F32::kLanes;
      const F32 sum = tile[row][vector];
      (accumulate_into_c ? F32::load(target) + sum : sum).store(target);
    }
  }
}
