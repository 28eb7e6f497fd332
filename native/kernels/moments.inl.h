// Mean and sum of squared deviations of a chunk of each channel that fits the first-level cache.
//
// Two passes: the mean m to about float precision, then the sums of (x - m) and (x - m)^2, whose
// first corrects what m is off by (Chan, Golub, LeVeque: Algorithms for computing the sample
// variance, 1983, eq. 1.7). The first pass subtracts the chunk's first element, so that a constant
// chunk has exactly its own value as mean; an outlier there costs nothing, for the second pass does
// not depend on it.

struct ShiftedSum {
  const float* x;
  const float* next;
  F32 shift;
  Accumulators sum;

  template <size_t k>
  void add(size_t offset) {
    sum.template lanes<k>() = sum.template lanes<k>() + (F32::load(x + offset) - shift);
  }
  void add_first(size_t offset, size_t n) {
    const F32 deviation = F32::load_first(x + offset, n) - shift;
    sum.template lanes<3>() = sum.template lanes<3>() + keep_first(deviation, n, F32::zero());
  }
  void flush() { sum.flush(); }
  // Every second line, and DeviationSums the others: the memory is busy during both passes.
  void prefetch_step(size_t offset) { prefetch(next + offset); }

  using Totals = double;
  double totals() const { return sum.sum.total(); }
};

struct DeviationSums {
  const float* x;
  const float* next;
  F32 mean;
  Accumulators deviations, squares;

  template <size_t k>
  void add_deviation(F32 deviation) {
    deviations.template lanes<k>() = deviations.template lanes<k>() + deviation;
    squares.template lanes<k>() = mul_add(deviation, deviation, squares.template lanes<k>());
  }
  template <size_t k>
  void add(size_t offset) {
    add_deviation<k>(F32::load(x + offset) - mean);
  }
  void add_first(size_t offset, size_t n) {
    add_deviation<3>(keep_first(F32::load_first(x + offset, n) - mean, n, F32::zero()));
  }
  void flush() {
    deviations.flush();
    squares.flush();
  }
  void prefetch_step(size_t offset) { prefetch(next + offset + kStep / 2); }

  struct Totals {
    double deviations, squares;
  };
  Totals totals() const { return {deviations.sum.total(), squares.sum.total()}; }
};

// For chunks whose float sums overflow or hold an Inf or NaN: the textbook two passes in double,
// which give what IEEE arithmetic says, such as a finite mean of values near 3e38.
inline Moments moments_in_double(const float* x, const Block& block, double count) {
  double sum = 0;
  for (size_t image = 0; image < block.images; image++) {
    for (size_t i = 0; i < block.length; i++) sum += x[image * block.image_stride + i];
  }
  const double mean = sum / count;
  double m2 = 0;
  for (size_t image = 0; image < block.images; image++) {
    for (size_t i = 0; i < block.length; i++) {
      const double deviation = x[image * block.image_stride + i] - mean;
      m2 += deviation * deviation;
    }
  }
  return {count, mean, m2};
}

inline Moments channel_moments(const float* x, const Block& block) {
  const double count = static_cast<double>(block.images * block.length);

  const double shifted =
      accumulate(block, ShiftedSum{x, x + block.next, F32::broadcast(x[0]), Accumulators::zero()});
  const float mean = static_cast<float>(x[0] + shifted / count);

  const auto [deviations, squares] =
      accumulate(block, DeviationSums{x, x + block.next, F32::broadcast(mean), Accumulators::zero(),
                                      Accumulators::zero()});
  if (!std::isfinite(squares)) return moments_in_double(x, block, count);

  const double m2 = squares - deviations * deviations / count;
  return {count, mean + deviations / count, m2 > 0 ? m2 : 0};
}

// The same passes with a lane for each channel, where planes have one pixel.
struct ColumnShiftedSum {
  const float* x;
  F32 shift0, shift1, shift2, shift3;
  ColumnAccumulators sum;

  template <size_t k>
  void add(size_t offset, size_t lanes) {
    const F32 shift = k == 0 ? shift0 : k == 1 ? shift1 : k == 2 ? shift2 : shift3;
    sum.lanes<k>() = sum.lanes<k>() + (load_columns(x + offset, lanes) - shift);
  }
  void flush() { sum.flush(); }
};

struct ColumnDeviationSums {
  const float* x;
  F32 mean0, mean1, mean2, mean3;
  ColumnAccumulators deviations, squares;

  template <size_t k>
  void add(size_t offset, size_t lanes) {
    const F32 mean = k == 0 ? mean0 : k == 1 ? mean1 : k == 2 ? mean2 : mean3;
    const F32 deviation = load_columns(x + offset, lanes) - mean;
    deviations.lanes<k>() = deviations.lanes<k>() + deviation;
    squares.lanes<k>() = mul_add(deviation, deviation, squares.lanes<k>());
  }
  void flush() {
    deviations.flush();
    squares.flush();
  }
};

inline void column_moments(const float* x, const Block& block, size_t columns, Moments* out) {
  const double count = static_cast<double>(block.images);
  float shifts[kMostColumns] = {};
  for (size_t c = 0; c < columns; c++) shifts[c] = x[c];
  double sums[kMostColumns];
  walk_columns(block, columns,
               ColumnShiftedSum{x, F32::load(shifts), F32::load(shifts + F32::kLanes),
                                F32::load(shifts + 2 * F32::kLanes),
                                F32::load(shifts + 3 * F32::kLanes), ColumnAccumulators::zero()})
      .sum.store(sums);
  float means[kMostColumns] = {};
  for (size_t c = 0; c < columns; c++) means[c] = static_cast<float>(x[c] + sums[c] / count);

  const ColumnDeviationSums second = walk_columns(
      block, columns,
      ColumnDeviationSums{x, F32::load(means), F32::load(means + F32::kLanes),
                          F32::load(means + 2 * F32::kLanes), F32::load(means + 3 * F32::kLanes),
                          ColumnAccumulators::zero(), ColumnAccumulators::zero()});
  double deviations[kMostColumns];
  double squares[kMostColumns];
  second.deviations.store(deviations);
  second.squares.store(squares);
  for (size_t c = 0; c < columns; c++) {
    if (!std::isfinite(squares[c])) {
      out[c] = moments_in_double(x + c, block, count);
      continue;
    }
    const double m2 = squares[c] - deviations[c] * deviations[c] / count;
    out[c] = {count, means[c] + deviations[c] / count, m2 > 0 ? m2 : 0};
  }
}

inline void moments(const float* x, const Block& block, Moments* out) {
  if (is_columns(block)) {
    for_each_column_range(block.channels, [&](size_t first, size_t columns) {
      column_moments(x + first, block, columns, out + first);
    });
    return;
  }
  for (size_t channel = 0; channel < block.channels; channel++) {
    out[channel] = channel_moments(x + channel * block.channel_stride, block);
  }
}
