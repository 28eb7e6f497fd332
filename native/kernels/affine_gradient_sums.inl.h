// Sums of dy and of dy * (x - mean) over a chunk of each channel: the gradients with respect to
// bias and, up to invstd, scale. Gradient supplies dy (output_gradient.inl.h).

template <class Gradient>
struct GradientTerms {
  // The same for every Gradient, whatever it reads: the order of the sums follows from it, and the
  // fused kernels must give the same bits as the separate ones.
  static constexpr size_t kTensors = 2;
  const float* x;
  const float* mean;
  Gradient gradient;

  struct Row {
    const float* x;
    F32 mean;
    typename Gradient::Channel dy;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const {
      prefetch_line(x + offset);
      dy.prefetch(offset);
    }
    static void add_pair(F32 deviation, F32 dy_lanes, LanePair& lanes) {
      lanes.sum = lanes.sum + dy_lanes;
      lanes.products = mul_add(dy_lanes, deviation, lanes.products);
    }
    void add(size_t offset, LanePair& lanes) const {
      const F32 deviation = F32::load(x + offset) - mean;
      add_pair(deviation, dy.at(offset, deviation), lanes);
    }
    void add_first(size_t offset, size_t n, LanePair& lanes) const {
      // Unused lanes of x become the mean, so that their product is an exact zero.
      const F32 deviation = keep_first(F32::load_first(x + offset, n), n, mean) - mean;
      add_pair(deviation, dy.at_first(offset, n, deviation), lanes);
    }
  };
  Row row(size_t channel) const { return {x, F32::broadcast(mean[channel]), gradient.of(channel)}; }
};

// The same for planes of one pixel, with one lane per channel.
template <class Gradient>
struct ColumnProductSums {
  const float* x;
  Gradient gradient;
  F32 mean0, mean1, mean2, mean3;
  ColumnAccumulators dy_sum, product_sum;

  template <size_t k>
  void add(size_t offset, size_t lanes) {
    const F32 mean = k == 0 ? mean0 : k == 1 ? mean1 : k == 2 ? mean2 : mean3;
    const F32 deviation = load_columns(x + offset, lanes) - mean;
    constexpr size_t kFirst = k * F32::kLanes;
    const auto dy = gradient.from(offset - kFirst).columns();
    const F32 dy_lanes =
        lanes == F32::kLanes ? dy.at(kFirst, deviation) : dy.at_first(kFirst, lanes, deviation);
    dy_sum.lanes<k>() = dy_sum.lanes<k>() + dy_lanes;
    product_sum.lanes<k>() = mul_add(dy_lanes, deviation, product_sum.lanes<k>());
  }
  BATCHNORM_INLINE void flush() {
    dy_sum.flush();
    product_sum.flush();
  }
};

template <class Gradient>
void column_affine_gradient_sums(const float* x, const Gradient& gradient, const float* mean,
                                 const Block& block, size_t columns, ChannelSums* out) {
  float means[kMaxColumns] = {};
  for (size_t c = 0; c < columns; c++) means[c] = mean[c];
  const auto sums =
      walk_columns(block, columns,
                   ColumnProductSums<Gradient>{
                       x, gradient, F32::load(means), F32::load(means + F32::kLanes),
                       F32::load(means + 2 * F32::kLanes), F32::load(means + 3 * F32::kLanes),
                       ColumnAccumulators::zero(), ColumnAccumulators::zero()});
  store_columns(sums.dy_sum, sums.product_sum, columns, out);
}

template <class Gradient>
void columns_affine_gradient_sums(const float* x, const Gradient& gradient, const float* mean,
                                  const Block& block, ChannelSums* out) {
  for_each_column_range(block.channels, [&](size_t first, size_t columns) {
    column_affine_gradient_sums(x + first, gradient.from(first).channel(first), mean + first, block,
                                columns, out + first);
  });
}

template <class Gradient>
void affine_gradient_sums_of(const float* x, const Gradient& gradient, const float* mean,
                             const Block& block, ChannelSums* out) {
  if (!is_columns(block)) return row_sums(block, GradientTerms<Gradient>{x, mean, gradient}, out);
  if (!joins_rows(block)) return columns_affine_gradient_sums(x, gradient, mean, block, out);
  RepeatedParameter means;
  means.repeat(mean, block.channels);
  RepeatedGradient memory;
  const Gradient repeated = gradient.repeat(block.channels, memory);
  sum_joined_rows(block, out, [&](size_t offset, const Block& rows, ChannelSums* sums) {
    columns_affine_gradient_sums(x + offset, repeated.from(offset), means.values, rows, sums);
  });
}

inline void affine_gradient_sums(const float* x, const float* dy, const float* mean,
                                 const Block& block, ChannelSums* out) {
  affine_gradient_sums_of(x, DirectGradient{dy}, mean, block, out);
}

inline void relu_affine_gradient_sums(const float* x, const float* dy, const Normalization& forward,
                                      const Block& block, ChannelSums* out) {
  affine_gradient_sums_of(x, ReluGradient{dy, forward.scale, forward.shift}, forward.mean, block,
                          out);
}

inline void residual_relu_affine_gradient_sums(const float* x, const float* y, const float* dy,
                                               float* passed, const float* mean, const Block& block,
                                               ChannelSums* out) {
  affine_gradient_sums_of(x, ResidualReluGradient{y, dy, passed}, mean, block, out);
}
