// Largest values of arrays and of the columns of matrices, NaN where a value is NaN. Every value is
// multiplied by a sign, 1 or -1: the smallest value is the largest of the negated ones, negated.

// The larger of a running maximum and a value; NaN if either is. max() alone would forget a NaN in
// `most` at the next value.
inline F32 larger_or_nan(F32 most, F32 value) {
  return select(less_equal(most, most), max(most, value), most);
}

// The largest of n values; -Inf if there is none.
inline float extremum(const float* x, size_t n, float sign) {
  const F32 signs = F32::broadcast(sign);
  const F32 none = F32::broadcast(-std::numeric_limits<float>::infinity());
  F32 most0 = none;
  F32 most1 = none;
  F32 most2 = none;
  F32 most3 = none;
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    most0 = larger_or_nan(most0, F32::load(x + i) * signs);
    most1 = larger_or_nan(most1, F32::load(x + i + F32::kLanes) * signs);
    most2 = larger_or_nan(most2, F32::load(x + i + 2 * F32::kLanes) * signs);
    most3 = larger_or_nan(most3, F32::load(x + i + 3 * F32::kLanes) * signs);
  }
  for (; i + F32::kLanes <= n; i += F32::kLanes) {
    most0 = larger_or_nan(most0, F32::load(x + i) * signs);
  }
  if (i < n) {
    const F32 last = F32::load_first(x + i, n - i) * signs;
    most1 = larger_or_nan(most1, keep_first(last, n - i, none));
  }
  const F32 most = larger_or_nan(larger_or_nan(most0, most1), larger_or_nan(most2, most3));
  // max_lane() may lose a NaN: keep only the NaN lanes and add them up.
  F64Sum nans = F64Sum::zero();
  nans.add(select(less_equal(most, most), F32::zero(), most));
  const double nan = nans.total();
  return nan == 0 ? max_lane(most) : static_cast<float>(nan);
}

template <size_t kRows>
void extremum_of_rows(const float* x, size_t columns, size_t stride, F32 signs, float* most) {
  each_vector(columns, [&](auto at) {
    F32 result = at.load(most);
    for (size_t row = 0; row < kRows; row++) {
      result = larger_or_nan(result, at.load(x + row * stride) * signs);
    }
    at.store(most, result);
  });
}

// Four rows at a time, so that the maxima are loaded and stored once for them.
inline void extremum_rows(const float* x, size_t rows, size_t columns, size_t stride, float sign,
                          float* most) {
  const F32 signs = F32::broadcast(sign);
  size_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    extremum_of_rows<4>(x + row * stride, columns, stride, signs, most);
  }
  for (; row < rows; row++) {
    extremum_of_rows<1>(x + row * stride, columns, stride, signs, most);
  }
}

// Rows one after the other, because the row number of each maximum is a second array. The number
// is a float: whole numbers are exact up to 2^24.
inline void extremum_index_rows(const float* x, size_t rows, size_t columns, size_t stride,
                                float sign, float* most, float* index) {
  const F32 signs = F32::broadcast(sign);
  for (size_t row = 0; row < rows; row++) {
    const float* values = x + row * stride;
    const F32 number = F32::broadcast(static_cast<float>(row));
    each_vector(columns, [&](auto at) {
      const F32 value = at.load(values) * signs;
      const F32 before = at.load(most);
      const F32 index_before = at.load(index);
      // A NaN replaces every number, and nothing replaces a NaN.
      const Mask is_number = less_equal(before, before);
      const Mask stays = less_equal(value, before);
      at.store(most, select(is_number, select(stays, before, value), before));
      at.store(index, select(is_number, select(stays, index_before, number), index_before));
    });
  }
}
