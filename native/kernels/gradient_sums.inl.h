// Sums of dy and of dy * (x - mean) over a chunk of each channel.

struct ProductSums {
  const float* x;
  const float* dy;
  ptrdiff_t next;
  F32 mean;
  Accumulators dy_sum, product_sum;

  template <size_t k>
  void add_pair(F32 x_lanes, F32 dy_lanes) {
    dy_sum.template lanes<k>() = dy_sum.template lanes<k>() + dy_lanes;
    product_sum.template lanes<k>() =
        mul_add(dy_lanes, x_lanes - mean, product_sum.template lanes<k>());
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

  void prefetch_step(size_t offset) {
    for (size_t line = 0; line < kStep; line += 16) {
      prefetch(x + offset + line + next);
      prefetch(dy + offset + line + next);
    }
  }

  using Totals = GradientSums;
  GradientSums totals() const { return {dy_sum.sum.total(), product_sum.sum.total()}; }
};

// The same with a lane for each channel, where planes have one pixel.
struct ColumnProductSums {
  const float* x;
  const float* dy;
  F32 mean0, mean1, mean2, mean3;
  ColumnAccumulators dy_sum, product_sum;

  template <size_t k>
  void add(size_t offset, size_t lanes) {
    const F32 mean = k == 0 ? mean0 : k == 1 ? mean1 : k == 2 ? mean2 : mean3;
    const F32 dy_lanes = load_columns(dy + offset, lanes);
    dy_sum.lanes<k>() = dy_sum.lanes<k>() + dy_lanes;
    product_sum.lanes<k>() =
        mul_add(dy_lanes, load_columns(x + offset, lanes) - mean, product_sum.lanes<k>());
  }
  void flush() {
    dy_sum.flush();
    product_sum.flush();
  }
};

inline void column_gradient_sums(const float* x, const float* dy, const float* mean,
                                 const Block& block, size_t columns, GradientSums* out) {
  float means[kMostColumns] = {};
  for (size_t c = 0; c < columns; c++) means[c] = mean[c];
  const ColumnProductSums sums = walk_columns(
      block, columns,
      ColumnProductSums{x, dy, F32::load(means), F32::load(means + F32::kLanes),
                        F32::load(means + 2 * F32::kLanes), F32::load(means + 3 * F32::kLanes),
                        ColumnAccumulators::zero(), ColumnAccumulators::zero()});
  double of_dy[kMostColumns];
  double of_products[kMostColumns];
  sums.dy_sum.store(of_dy);
  sums.product_sum.store(of_products);
  for (size_t c = 0; c < columns; c++) out[c] = {of_dy[c], of_products[c]};
}

inline void gradient_sums(const float* x, const float* dy, const float* mean, const Block& block,
                          GradientSums* out) {
  if (is_columns(block)) {
    for_each_column_range(block.channels, [&](size_t first, size_t columns) {
      column_gradient_sums(x + first, dy + first, mean + first, block, columns, out + first);
    });
    return;
  }
  for (size_t channel = 0; channel < block.channels; channel++) {
    const size_t start = channel * block.channel_stride;
    out[channel] = accumulate(
        block, ProductSums{x + start, dy + start, block.next, F32::broadcast(mean[channel]),
                           Accumulators::zero(), Accumulators::zero()});
  }
}
