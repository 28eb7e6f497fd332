struct PlainSum {
  const float* x;
  Accumulators total;

  template <size_t k>
  void add(size_t offset) {
    total.lanes[k] = total.lanes[k] + F32::load(x + offset);
  }
  void add_first(size_t offset, size_t n) {
    total.lanes[3] = total.lanes[3] + F32::load_first(x + offset, n);
  }
  void flush() { total.flush(); }
};

inline double sum(const float* x, size_t n) {
  PlainSum sums = {x, Accumulators::zero()};
  accumulate(Block{1, 1, n, n, n}, sums);
  return sums.total.sum.total();
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
