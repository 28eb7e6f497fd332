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

// Adds kRows rows, `stride` floats apart, to the sums: each column in the order of the rows.
template <size_t kRows>
void add_rows(const float* x, size_t columns, size_t stride, double* sums) {
  size_t column = 0;
  for (; column + F32::kLanes <= columns; column += F32::kLanes) {
    F64Lanes total = F64Lanes::load(sums + column);
    for (size_t row = 0; row < kRows; row++) total.add(F32::load(x + row * stride + column));
    total.store(sums + column);
  }
  for (; column < columns; column++) {
    for (size_t row = 0; row < kRows; row++) {
      sums[column] += static_cast<double>(x[row * stride + column]);
    }
  }
}

// Four rows at a time: the sums occupy twice the bytes of a row and are loaded and stored only once
// for the four.
inline void sum_rows(const float* x, size_t rows, size_t columns, size_t stride, double* sums) {
  size_t row = 0;
  for (; row + 4 <= rows; row += 4) add_rows<4>(x + row * stride, columns, stride, sums);
  for (; row < rows; row++) add_rows<1>(x + row * stride, columns, stride, sums);
}
