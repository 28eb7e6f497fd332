// Rows whose columns come from two arrays in turn: the input gradient of a convolution of stride 2
// is computed for its even and its odd columns separately.

// The vector `values` at `to`, or the sum with what is there.
inline void put(F32 values, float* to, bool adds) {
  (adds ? F32::load(to) + values : values).store(to);
}

// The same for the first n floats, 0 < n <= kLanes.
inline void put_first(F32 values, float* to, size_t n, bool adds) {
  if (n == F32::kLanes) return put(values, to, adds);
  (adds ? F32::load_first(to, n) + values : values).store_first(to, n);
}

inline void interleave_rows(const InterleavedRows& rows) {
  const size_t pairs = rows.width / 2;
  const F32 unused = F32::broadcast(rows.unused);
  const auto load = [&](const float* from, size_t i) {
    return from == nullptr ? unused : F32::load(from + i);
  };
  const auto load_first = [&](const float* from, size_t i) {
    return from == nullptr ? unused : F32::load_first(from + i, pairs - i);
  };
  for (size_t row = 0; row < rows.rows; row++) {
    const float* const even = rows.even == nullptr ? nullptr : rows.even + row * rows.stride;
    const float* const odd = rows.odd == nullptr ? nullptr : rows.odd + row * rows.stride;
    float* const to = rows.to + row * rows.to_stride;
    size_t i = 0;
    for (; i + F32::kLanes <= pairs; i += F32::kLanes) {
      const F32 evens = load(even, i), odds = load(odd, i);
      put(interleave_low(evens, odds), to + 2 * i, rows.adds);
      put(interleave_high(evens, odds), to + 2 * i + F32::kLanes, rows.adds);
    }
    if (i < pairs) {
      const F32 evens = load_first(even, i), odds = load_first(odd, i);
      const size_t rest = 2 * (pairs - i);
      const size_t low = rest < F32::kLanes ? rest : F32::kLanes;
      put_first(interleave_low(evens, odds), to + 2 * i, low, rows.adds);
      if (rest > low) {
        put_first(interleave_high(evens, odds), to + 2 * i + low, rest - low, rows.adds);
      }
    }
    if (rows.width % 2 == 0) continue;
    const float last = even == nullptr ? rows.unused : even[pairs];
    to[rows.width - 1] = rows.adds ? to[rows.width - 1] + last : last;
  }
}
