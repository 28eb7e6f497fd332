// Max and average pooling of one plane, and their gradients.

// The windows that a vector holds, all lanes or fewer. The kernels below are long, so they are
// compiled once for both cases.
struct WindowVector {
  size_t first;
  size_t count;
  F32 load(const float* p) const {
    return count == F32::kLanes ? F32::load(p + first) : F32::load_first(p + first, count);
  }
  void store(float* p, F32 value) const {
    if (count == F32::kLanes) return value.store(p + first);
    value.store_first(p + first, count);
  }
};

// Calls function(vector) for the windows of a row.
template <class Function>
void each_window_vector(size_t windows, const Function& function) {
  for (size_t i = 0; i < windows; i += F32::kLanes) {
    function(WindowVector{i, std::min<size_t>(F32::kLanes, windows - i)});
  }
}

// Reduces each window to one value: adds its elements to a copy of `empty` in row-major order, and
// calls result(row of windows, first window). The padding holds `padding_value`.
template <class Fold>
void pool(const float* x, float* y, const Pooling& params, float* scratch, float padding_value,
          const Fold& empty) {
  if (are_pairs(params.columns)) return pool_pairs(x, y, params, empty);
  const PoolRows rows(params, scratch);
  size_t next = 0;  // the next row to split
  for (size_t oy = 0; oy < params.rows.out; oy++) {
    const WindowRow windows(params, oy);
    for (next = std::max(next, windows.begin); next < windows.end; next++) {
      rows.split(x + next * params.columns.size, next, padding_value);
    }
    float* out = y + oy * params.columns.out;
    each_window_vector(params.columns.out, [&](auto at) {
      Fold fold = empty;
      const float* from = rows.rows + at.first;
      windows.each_element(rows, [&](size_t index) { fold.add(F32::load(from + index)); });
      at.store(out, fold.result(oy, at.first));
    });
  }
}

// Distributes each window's gradient among its elements. distribute(row of windows, vector) returns
// a function from an element to its share of the gradient, which is called for the elements of a
// window in row-major order. If `x` is null, it receives zeros. finish(start of the row in dy,
// windows, gradients) is called after each row of windows.
template <class Distribute, class Finish>
void pool_backward(const float* x, float* dx, const Pooling& params, float* scratch,
                   const Distribute& distribute, const Finish& finish) {
  const PoolRows values(params, scratch);
  const PoolRows gradients(params, scratch + values.ring * values.phases * values.span);
  const size_t width = params.columns.size;
  size_t next = 0;  // the next row to split
  size_t done = 0;  // rows of dx that are written
  const auto write_up_to = [&](size_t end) {
    for (; done < end; done++) {
      float* row = dx + done * width;
      if (done < next) {
        gradients.join(row, done);
      } else {
        std::fill(row, row + width, 0.0f);
      }
    }
  };
  for (size_t oy = 0; oy < params.rows.out; oy++) {
    const WindowRow windows(params, oy);
    // Rows before the first one that these windows cover are complete, and their slots in the ring
    // are needed again.
    write_up_to(windows.begin);
    for (next = std::max(next, windows.begin); next < windows.end; next++) {
      if (x != nullptr) {
        values.split(x + next * width, next, -std::numeric_limits<float>::infinity());
      }
      gradients.fill(next, 0.0f);
    }
    each_window_vector(params.columns.out, [&](auto at) {
      auto share_of = distribute(oy, at);
      const float* from = values.rows + at.first;
      float* to = gradients.rows + at.first;
      windows.each_element(values, [&](size_t index) {
        const F32 element = x == nullptr ? F32::zero() : F32::load(from + index);
        (F32::load(to + index) + share_of(element)).store(to + index);
      });
    });
    finish(oy * params.columns.out, windows, gradients);
  }
  write_up_to(params.rows.size);
}

struct MaxOf {
  F32 largest;
  void add(F32 value) {
    // max returns its second argument if either is NaN, so a NaN in `value` needs the select. The
    // comparison does not wait for the elements before.
    largest = select(less_equal(value, value), max(value, largest), value);
  }
  F32 result(size_t, size_t) const { return largest; }
};

inline void max_pool(const float* x, float* y, const Pooling& params, float* scratch) {
  const float lowest = -std::numeric_limits<float>::infinity();
  pool(x, y, params, scratch, lowest, MaxOf{F32::broadcast(lowest)});
}

// The whole gradient of a window goes to its first element that equals its maximum y or is NaN.
struct FirstMaximum {
  F32 largest, gradient;

  F32 operator()(F32 element) {
    const Mask is_largest = less_equal(largest, element);
    const Mask is_number = less_equal(element, element);
    const F32 share = select(is_largest, gradient, select(is_number, F32::zero(), gradient));
    // Later elements get nothing.
    gradient = select(is_largest, F32::zero(), select(is_number, gradient, F32::zero()));
    return share;
  }
};

// For windows whose maximum y is -Inf: adds the gradient to the window's first element in the
// plane, if it has one: windows with dilation may read only padding. FirstMaximum cannot do this,
// because the padding in the ring is -Inf as well.
inline void add_to_first_elements(const float* y, const float* dy, const WindowRow& windows,
                                  const PoolRows& gradients) {
  const PoolAxis& columns = gradients.columns;
  if (windows.first >= windows.end) return;
  float* const row = gradients.row(windows.first);
  for (size_t i = 0; i < columns.out; i++) {
    if (y[i] != -std::numeric_limits<float>::infinity()) continue;
    const size_t left = i * columns.stride;
    const size_t outside = left < columns.before ? columns.before - left : 0;
    // Of the first element, from the window's start.
    const size_t column = (outside + columns.dilation - 1) / columns.dilation * columns.dilation;
    if (column >= columns.extent() || left + column - columns.before >= columns.size) continue;
    row[column % columns.stride * gradients.span + column / columns.stride + i] += dy[i];
  }
}

inline void max_pool_backward(const float* x, const float* y, const float* dy, float* dx,
                              const Pooling& params, float* scratch) {
  if (are_separate_pairs(params)) {
    return pool_pairs_backward(x, dx, params, [&](size_t oy, auto at) {
      const size_t row = oy * params.columns.out;
      return FirstMaximum{at.load(y + row), at.load(dy + row)};
    });
  }
  // Larger than the -Inf in the padding, so that windows of only -Inf are left to `finish`.
  const F32 lowest = F32::broadcast(std::numeric_limits<float>::lowest());
  F32 largest_negated = lowest;
  pool_backward(
      x, dx, params, scratch,
      [&](size_t oy, auto at) {
        const size_t row = oy * params.columns.out;
        const F32 largest = at.load(y + row);
        // If y is NaN, max returns the second argument.
        largest_negated = max(F32::zero() - largest, largest_negated);
        return FirstMaximum{max(lowest, largest), at.load(dy + row)};
      },
      [&](size_t row, const WindowRow& windows, const PoolRows& gradients) {
        // One comparison per row of windows avoids a scalar search that rarely finds anything.
        if (max_lane(largest_negated) < std::numeric_limits<float>::infinity()) return;
        largest_negated = lowest;
        add_to_first_elements(y + row, dy + row, windows, gradients);
      });
}

// The number of values by which the mean of each window divides.
struct WindowCounts {
  const Pooling& params;
  bool are_equal;  // whether no edge cuts a window
  double lanes[F32::kLanes];

  explicit WindowCounts(const Pooling& pooling)
      : params(pooling), are_equal(is_uncut(pooling.rows) && is_uncut(pooling.columns)) {
    const size_t uncut = pooling.rows.kernel * pooling.columns.kernel;
    std::fill_n(lanes, F32::kLanes, static_cast<double>(uncut));
  }

  // Along an axis, with the windows' places counted from the padding.
  size_t begin(const PoolAxis& axis) const { return params.count_padding ? 0 : axis.before; }
  size_t end(const PoolAxis& axis) const {
    return axis.before + axis.size + (params.count_padding ? axis.after : 0);
  }
  bool is_uncut(const PoolAxis& axis) const {
    return begin(axis) == 0 && (axis.out - 1) * axis.stride + axis.kernel <= end(axis);
  }
  size_t along(const PoolAxis& axis, size_t window) const {
    const size_t first = window * axis.stride;
    return std::min(first + axis.kernel, end(axis)) - std::max(first, begin(axis));
  }

  // Of the windows from `first` on in a row, for one vector of them.
  const double* of(size_t row, size_t first) {
    if (!are_equal) count(row, first);
    return lanes;
  }

  // Not inlined, because it is long and has several callers.
  BATCHNORM_NOINLINE void count(size_t row, size_t first) {
    const size_t height = along(params.rows, row);
    for (size_t i = 0; i < F32::kLanes && first + i < params.columns.out; i++) {
      lanes[i] = static_cast<double>(height * along(params.columns, first + i));
    }
  }
};

// Sums in double, so that large windows lose no precision.
struct MeanOf {
  WindowCounts& counts;
  F64Lanes sum;
  void add(F32 value) { sum.add(value); }
  F32 result(size_t row, size_t first) const {
    double sums[F32::kLanes];
    float means[F32::kLanes];
    sum.store(sums);
    const double* divisors = counts.of(row, first);
    for (size_t i = 0; i < F32::kLanes; i++) means[i] = static_cast<float>(sums[i] / divisors[i]);
    return F32::load(means);
  }
};

inline void avg_pool(const float* x, float* y, const Pooling& params, float* scratch) {
  WindowCounts counts(params);
  pool(x, y, params, scratch, 0.0f, MeanOf{counts, F64Lanes::zero()});
}

inline void avg_pool_backward(const float* dy, float* dx, const Pooling& params, float* scratch) {
  WindowCounts counts(params);
  const auto distribute = [&](size_t row, auto at) {
    float divisors[F32::kLanes];
    const double* exact = counts.of(row, at.first);
    for (size_t i = 0; i < F32::kLanes; i++) divisors[i] = static_cast<float>(exact[i]);
    const F32 share = at.load(dy + row * params.columns.out) / F32::load(divisors);
    return [=](F32) { return share; };
  };
  if (are_separate_pairs(params)) return pool_pairs_backward(nullptr, dx, params, distribute);
  pool_backward(nullptr, dx, params, scratch, distribute,
                [](size_t, const WindowRow&, const PoolRows&) {});
}
