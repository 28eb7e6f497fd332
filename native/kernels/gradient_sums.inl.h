// Sums of dy and of dy * (x - mean) over a chunk of each channel.

struct ProductSums {
  const float* x;
  const float* dy;
  F32 mean;
  Accumulators dy_sum, product_sum;

  template <size_t k>
  void add_pair(F32 x_lanes, F32 dy_lanes) {
    dy_sum.lanes[k] = dy_sum.lanes[k] + dy_lanes;
    product_sum.lanes[k] = mul_add(dy_lanes, x_lanes - mean, product_sum.lanes[k]);
  }
  template <size_t k>
  void add(size_t offset) {
    add_pair<k>(F32::load(x + offset), F32::load(dy + offset));
  }
  void add_first(size_t offset, size_t n) {
    // The unused lanes of x become the mean, so that their product is an exact zero.
    add_pair<3>(keep_first(F32::load_first(x + offset, n), n, mean),
                F32::load_first(dy + offset, n));
  }
  void flush() {
    dy_sum.flush();
    product_sum.flush();
  }
};

inline void gradient_sums(const float* x, const float* dy, const float* mean, const Block& block,
                          GradientSums* out) {
  for (size_t channel = 0; channel < block.channels; channel++) {
    const size_t start = channel * block.channel_stride;
    ProductSums sums = {x + start, dy + start, F32::broadcast(mean[channel]), Accumulators::zero(),
                        Accumulators::zero()};
    accumulate(block, sums);
    out[channel] = {sums.dy_sum.sum.total(), sums.product_sum.sum.total()};
  }
}
