// Mean and sum of squared deviations of a chunk of each channel that fits the first-level cache.
//
// Two passes: the mean m to about float precision, then the sums of (x - m) and (x - m)^2, whose
// first corrects what m is off by (Chan, Golub, LeVeque: Algorithms for computing the sample
// variance, 1983, eq. 1.7). The first pass subtracts the chunk's first element, so that a constant
// chunk has exactly its own value as mean; an outlier there costs nothing, for the second pass does
// not depend on it.

struct ShiftedSum {
  const float* x;
  F32 shift;
  Accumulators sum;

  template <size_t k>
  void add(size_t offset) {
    sum.lanes[k] = sum.lanes[k] + (F32::load(x + offset) - shift);
  }
  void add_first(size_t offset, size_t n) {
    const F32 deviation = F32::load_first(x + offset, n) - shift;
    sum.lanes[3] = sum.lanes[3] + keep_first(deviation, n, F32::zero());
  }
  void flush() { sum.flush(); }
};

struct DeviationSums {
  const float* x;
  F32 mean;
  Accumulators deviations, squares;

  template <size_t k>
  void add_deviation(F32 deviation) {
    deviations.lanes[k] = deviations.lanes[k] + deviation;
    squares.lanes[k] = mul_add(deviation, deviation, squares.lanes[k]);
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

  ShiftedSum first = {x, F32::broadcast(x[0]), Accumulators::zero()};
  accumulate(block, first);
  const float mean = static_cast<float>(x[0] + first.sum.sum.total() / count);

  DeviationSums second = {x, F32::broadcast(mean), Accumulators::zero(), Accumulators::zero()};
  accumulate(block, second);
  const double deviations = second.deviations.sum.total();
  const double squares = second.squares.sum.total();
  if (!std::isfinite(squares)) return moments_in_double(x, block, count);

  const double m2 = squares - deviations * deviations / count;
  return {count, mean + deviations / count, m2 > 0 ? m2 : 0};
}

inline void moments(const float* x, const Block& block, Moments* out) {
  for (size_t channel = 0; channel < block.channels; channel++) {
    out[channel] = channel_moments(x + channel * block.channel_stride, block);
  }
}
