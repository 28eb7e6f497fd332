struct PlainSum {
  const float* x;
  Accumulators total;

  template <size_t k>
  void add(size_t offset) {
    total.template lanes<k>() = total.template lanes<k>() + F32::load(x + offset);
  }
  void add_first(size_t offset, size_t n) {
    total.template lanes<3>() = total.template lanes<3>() + F32::load_first(x + offset, n);
  }
  void flush() { total.flush(); }
  void prefetch_step(size_t) {}

  using Totals = double;
  double totals() const { return total.sum.total(); }
};

inline double sum(const float* x, size_t n) {
  return accumulate(Block{1, 1, n, n, n}, PlainSum{x, Accumulators::zero()});
}

// Column sums in double: the row is read once, and 24 bytes a column are touched per element, which
// is nothing for the few hundred columns of a bias.
inline void sum_rows(const float* x, size_t rows, size_t columns, double* sums) {
  for (size_t column = 0; column < columns; column++) sums[column] = 0;
  for (size_t row = 0; row < rows; row++) {
    for (size_t column = 0; column < columns; column++) {
      sums[column] += static_cast<double>(x[row * columns + column]);
    }
  }
}
