// Sums in double: of all elements, and of each column of a matrix.

// A float lane is moved to doubles after kAdditions terms; row_sums.inl.h explains the bound.
inline double sum(const float* x, size_t n) {
  F64Sum total = F64Sum::zero();
  size_t i = 0;
  while (i + kStep <= n) {
    const size_t steps = std::min((n - i) / kStep, kAdditions);
    F32 lanes0 = F32::zero();
    F32 lanes1 = F32::zero();
    F32 lanes2 = F32::zero();
    F32 lanes3 = F32::zero();
    for (size_t step = 0; step < steps; step++, i += kStep) {
      lanes0 = lanes0 + F32::load(x + i);
      lanes1 = lanes1 + F32::load(x + i + F32::kLanes);
      lanes2 = lanes2 + F32::load(x + i + 2 * F32::kLanes);
      lanes3 = lanes3 + F32::load(x + i + 3 * F32::kLanes);
    }
    total.add((lanes0 + lanes1) + (lanes2 + lanes3));
  }
  for (; i + F32::kLanes <= n; i += F32::kLanes) total.add(F32::load(x + i));
  if (i < n) total.add(F32::load_first(x + i, n - i));
  return total.total();
}

// Reads x once, row by row, and keeps all column sums in memory: the few hundred columns of a bias
// stay in the first-level cache.
inline void sum_rows(const float* x, size_t rows, size_t columns, double* sums) {
  for (size_t column = 0; column < columns; column++) sums[column] = 0;
  for (size_t row = 0; row < rows; row++) {
    for (size_t column = 0; column < columns; column++) {
      sums[column] += static_cast<double>(x[row * columns + column]);
    }
  }
}
