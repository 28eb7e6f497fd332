// Pooling windows of two adjacent columns that do not overlap, as in the usual pooling of 2 × 2:
// their columns are the even and the odd values of a row, so rows are read where they are.

// Whether all windows are such pairs, inside the plane.
inline bool are_pairs(const PoolAxis& columns) {
  return columns.kernel == 2 && columns.stride == 2 && columns.dilation == 1 &&
         columns.before == 0 && 2 * columns.out <= columns.size;
}

// Whether all windows of a plane are pairs of columns that share no row either.
inline bool are_separate_pairs(const Pooling& params) {
  return are_pairs(params.columns) && params.rows.dilation == 1 &&
         params.rows.kernel <= params.rows.stride;
}

// The pairs of one vector of windows.
struct Pairs {
  F32 low, high;

  static Pairs load(const float* row, WholeVector at) {
    const float* const from = row + 2 * at.first;
    return {F32::load(from), F32::load(from + F32::kLanes)};
  }
  static Pairs load(const float* row, PartialVector at) {
    const float* const from = row + 2 * at.first;
    const size_t n = 2 * at.count;
    if (n < F32::kLanes) return {F32::load_first(from, n), F32::zero()};
    const F32 low = F32::load(from);
    if (n == F32::kLanes) return {low, F32::zero()};
    return {low, F32::load_first(from + F32::kLanes, n - F32::kLanes)};
  }
  static Pairs interleaved(F32 even, F32 odd) {
    return {interleave_low(even, odd), interleave_high(even, odd)};
  }

  void store(float* row, WholeVector at) const {
    float* const to = row + 2 * at.first;
    low.store(to);
    high.store(to + F32::kLanes);
  }
  void store(float* row, PartialVector at) const {
    float* const to = row + 2 * at.first;
    const size_t n = 2 * at.count;
    if (n < F32::kLanes) return low.store_first(to, n);
    low.store(to);
    if (n > F32::kLanes) high.store_first(to + F32::kLanes, n - F32::kLanes);
  }
};

// Calls function(vector) for the windows of a row. The last vector ends with the row, so it may
// overlap the one before.
template <class Function>
void each_overlapping_vector(size_t windows, const Function& function) {
  if (windows < F32::kLanes) return function(PartialVector{0, windows});
  for (size_t i = 0; i < windows; i += F32::kLanes) {
    function(WholeVector{std::min(i, windows - F32::kLanes)});
  }
}

// As pool().
template <class Fold>
void pool_pairs(const float* x, float* y, const Pooling& params, const Fold& empty) {
  const size_t width = params.columns.size;
  for (size_t oy = 0; oy < params.rows.out; oy++) {
    const WindowRow windows(params, oy);
    float* const out = y + oy * params.columns.out;
    each_overlapping_vector(params.columns.out, [&](auto at) {
      Fold fold = empty;
      for (size_t row = windows.first; row < windows.end; row += windows.dilation) {
        const Pairs pairs = Pairs::load(x + row * width, at);
        fold.add(even_lanes(pairs.low, pairs.high));
        fold.add(odd_lanes(pairs.low, pairs.high));
      }
      at.store(out, fold.result(oy, at.first));
    });
  }
}

// As pool_backward(), for separate pairs.
template <class Distribute>
void pool_pairs_backward(const float* x, float* dx, const Pooling& params,
                         const Distribute& distribute) {
  const size_t width = params.columns.size;
  const size_t covered = 2 * params.columns.out;
  float* done = dx;
  for (size_t oy = 0; oy < params.rows.out; oy++) {
    const WindowRow windows(params, oy);
    std::fill(done, dx + windows.begin * width, 0.0f);
    done = dx + windows.end * width;
    each_overlapping_vector(params.columns.out, [&](auto at) {
      auto share_of = distribute(oy, at);
      for (size_t row = windows.begin; row < windows.end; row++) {
        Pairs pairs = {F32::zero(), F32::zero()};
        if (x != nullptr) pairs = Pairs::load(x + row * width, at);
        const F32 even = share_of(even_lanes(pairs.low, pairs.high));
        const F32 odd = share_of(odd_lanes(pairs.low, pairs.high));
        Pairs::interleaved(even, odd).store(dx + row * width, at);
      }
    });
    if (covered == width) continue;
    for (size_t row = windows.begin; row < windows.end; row++) {
      std::fill(dx + row * width + covered, dx + (row + 1) * width, 0.0f);
    }
  }
  std::fill(done, dx + params.rows.size * width, 0.0f);
}
