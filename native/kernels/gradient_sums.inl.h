// Sums of dy and of dy * (x - mean) over a chunk of each channel.

struct GradientTerms {
  static constexpr size_t kTensors = 2;
  const float* x;
  const float* dy;
  const float* mean;

  struct Row {
    const float* x;
    const float* dy;
    F32 mean;

    void prefetch(ptrdiff_t offset) const {
      ask_for(x + offset);
      ask_for(dy + offset);
    }
    void add_pair(F32 x_lanes, F32 dy_lanes, LanePair& lanes) const {
      lanes.sum = lanes.sum + dy_lanes;
      lanes.products = mul_add(dy_lanes, x_lanes - mean, lanes.products);
    }
    void add(size_t offset, LanePair& lanes) const {
      add_pair(F32::load(x + offset), F32::load(dy + offset), lanes);
    }
    void add_first(size_t offset, size_t n, LanePair& lanes) const {
      // The unused lanes of x become the mean, so that their product is an exact zero.
      add_pair(keep_first(F32::load_first(x + offset, n), n, mean), F32::load_first(dy + offset, n),
               lanes);
    }
  };
  Row row(size_t channel) const { return {x, dy, F32::broadcast(mean[channel])}; }
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
                                 const Block& block, size_t columns, ChannelSums* out) {
  float means[kMostColumns] = {};
  for (size_t c = 0; c < columns; c++) means[c] = mean[c];
  const ColumnProductSums sums = walk_columns(
      block, columns,
      ColumnProductSums{x, dy, F32::load(means), F32::load(means + F32::kLanes),
                        F32::load(means + 2 * F32::kLanes), F32::load(means + 3 * F32::kLanes),
                        ColumnAccumulators::zero(), ColumnAccumulators::zero()});
  store_columns(sums.dy_sum, sums.product_sum, columns, out);
}

inline void gradient_sums(const float* x, const float* dy, const float* mean, const Block& block,
                          ChannelSums* out) {
  if (!is_columns(block)) return row_sums(block, GradientTerms{x, dy, mean}, out);
  for_each_column_range(block.channels, [&](size_t first, size_t columns) {
    column_gradient_sums(x + first, dy + first, mean + first, block, columns, out + first);
  });
}
