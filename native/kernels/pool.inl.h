// Max and average pooling of one plane, and their gradients: windows whose columns are D apart, and
// which are S columns apart.
//
// Each row of the plane is first split into phases: phase r holds the columns r, r + S, r + 2S ...
// of the padded row. Column kx of all windows in a row of windows is then contiguous, beginning at
// index kx * D / S of phase kx * D mod S, so all arithmetic uses whole vectors for any stride. The
// rows that a window spans are kept in a ring buffer.

// A ring buffer of rows, each split into phases of `span` floats.
struct PoolRows {
  const PoolAxis& columns;
  float* rows;
  size_t ring;  // number of rows
  size_t phases, span;
  // From one column of a window to the next: that many phases and floats, and as many floats less
  // where the phases begin again. Computed once, because a division takes as long as a window.
  size_t phase_step, index_step, wrap;

  PoolRows(const Pooling& pooling, float* memory)
      : columns(pooling.columns),
        rows(memory),
        ring(pooling.rows.extent()),
        phases(pool_phases(pooling)),
        span(pool_span(pooling)),
        phase_step(columns.dilation % columns.stride),
        index_step(phase_step * span + columns.dilation / columns.stride),
        wrap(columns.stride * span - 1) {}

  float* row(size_t y) const { return rows + y % ring * phases * span; }
  // The number of columns of the plane that windows cover.
  size_t width() const {
    const size_t reached = columns.stride * (columns.out - 1) + columns.extent();
    return reached <= columns.before ? 0 : std::min(columns.size, reached - columns.before);
  }
  // Whether rows can be split and joined with the even_lanes and interleave operations.
  bool in_pairs() const { return columns.stride == 2 && columns.extent() >= 2; }

  void fill(size_t y, float value) const {
    float* to = row(y);
    for (size_t i = 0; i < phases * span; i += F32::kLanes) F32::broadcast(value).store(to + i);
  }

  // The phases of the even and the odd columns of the plane; only if in_pairs().
  float* even(size_t y) const { return row(y) + columns.before % 2 * span + columns.before / 2; }
  float* odd(size_t y) const {
    return row(y) + (columns.before + 1) % 2 * span + (columns.before + 1) / 2;
  }

  // Calls function(index in row(y), column) for every column >= `begin` that a window covers.
  template <class Function>
  void each_column(size_t begin, const Function& function) const {
    const size_t end = width();
    size_t phase = (begin + columns.before) % columns.stride;
    size_t index = (begin + columns.before) / columns.stride;
    for (size_t column = begin; column < end; column++) {
      if (phase < phases) function(phase * span + index, column);
      if (++phase == columns.stride) {
        phase = 0;
        index++;
      }
    }
  }

  // Copies row y of the plane into its phases, with `padding_value` around it.
  void split(const float* x, size_t y, float padding_value) const {
    fill(y, padding_value);
    float* to = row(y);
    size_t begin = 0;
    if (columns.stride == 1) {
      std::copy(x, x + width(), to + columns.before);
      return;
    }
    if (in_pairs()) {
      float* even_to = even(y);
      float* odd_to = odd(y);
      for (; begin + 2 * F32::kLanes <= width(); begin += 2 * F32::kLanes) {
        const F32 a = F32::load(x + begin);
        const F32 b = F32::load(x + begin + F32::kLanes);
        even_lanes(a, b).store(even_to + begin / 2);
        odd_lanes(a, b).store(odd_to + begin / 2);
      }
    }
    each_column(begin, [&](size_t index, size_t column) { to[index] = x[column]; });
  }

  // The inverse of split. Columns that no window covers become 0.
  void join(float* x, size_t y) const {
    const float* from = row(y);
    size_t begin = 0;
    if (columns.stride == 1) {
      std::copy(from + columns.before, from + columns.before + width(), x);
      std::fill(x + width(), x + columns.size, 0.0f);
      return;
    }
    if (in_pairs()) {
      const float* even_from = even(y);
      const float* odd_from = odd(y);
      for (; begin + 2 * F32::kLanes <= width(); begin += 2 * F32::kLanes) {
        const F32 a = F32::load(even_from + begin / 2);
        const F32 b = F32::load(odd_from + begin / 2);
        interleave_low(a, b).store(x + begin);
        interleave_high(a, b).store(x + begin + F32::kLanes);
      }
    }
    std::fill(x + begin, x + columns.size, 0.0f);
    each_column(begin, [&](size_t index, size_t column) { x[column] = from[index]; });
  }
};

// The windows of row `oy` of the output.
struct WindowRow {
  size_t begin, end;  // the rows of the plane from the first that they read to the last
  size_t first;  // the first row that they read: with dilation and padding, it may follow begin
  size_t dilation;
  size_t slot;  // the slot of `first` in the ring, divided only once

  WindowRow(const Pooling& params, size_t oy) {
    const PoolAxis& rows = params.rows;
    const size_t top = oy * rows.stride;
    begin = top > rows.before ? top - rows.before : 0;
    end = std::min(rows.size, top + rows.extent() - rows.before);
    dilation = rows.dilation;
    const size_t above = top < rows.before ? rows.before - top : 0;
    first = above == 0 ? begin : (dilation - above % dilation) % dilation;
    slot = first % rows.extent();
  }

  // Calls function(index) for the elements of window 0 in row-major order. `index` is the element's
  // index in the ring; for window i it is i larger.
  template <class Function>
  void each_element(const PoolRows& rows, const Function& function) const {
    const size_t length = rows.phases * rows.span;
    const size_t kernel = rows.columns.kernel, stride = rows.columns.stride;
    const size_t phase_step = rows.phase_step, index_step = rows.index_step, wrap = rows.wrap;
    size_t ring = slot;
    for (size_t y = first; y < end; y += dilation) {
      size_t index = ring * length;
      size_t phase = 0;
      for (size_t kx = 0; kx < kernel; kx++) {
        function(index);
        index += index_step;
        phase += phase_step;
        if (phase >= stride) {
          phase -= stride;
          index -= wrap;
        }
      }
      ring += dilation;
      if (ring >= rows.ring) ring -= rows.ring;
    }
  }
};

template <class Function>
void each_output_vector(size_t windows, const Function& function) {
  size_t i = 0;
  for (; i + F32::kLanes <= windows; i += F32::kLanes) function(WholeVector{i});
  if (i < windows) function(PartialVector{i, windows - i});
}

// Reduces each window to one value: adds its elements to a copy of `empty` in row-major order, and
// calls result(row of windows, first window). The padding holds `padding_value`.
template <class Fold>
void pool(const float* x, float* y, const Pooling& params, float* scratch, float padding_value,
          const Fold& empty) {
  const PoolRows rows(params, scratch);
  size_t next = 0;  // the next row to split
  for (size_t oy = 0; oy < params.rows.out; oy++) {
    const WindowRow windows(params, oy);
    for (next = std::max(next, windows.begin); next < windows.end; next++) {
      rows.split(x + next * params.columns.size, next, padding_value);
    }
    float* out = y + oy * params.columns.out;
    each_output_vector(params.columns.out, [&](auto at) {
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
    each_output_vector(params.columns.out, [&](auto at) {
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
    // max returns its second argument if either is NaN, so a NaN in `largest` needs the select.
    largest = select(less_equal(largest, largest), max(largest, value), largest);
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
    if (are_equal) return lanes;
    const size_t height = along(params.rows, row);
    for (size_t i = 0; i < F32::kLanes && first + i < params.columns.out; i++) {
      lanes[i] = static_cast<double>(height * along(params.columns, first + i));
    }
    return lanes;
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
  pool_backward(
      nullptr, dx, params, scratch,
      [&](size_t row, auto at) {
        float divisors[F32::kLanes];
        const double* exact = counts.of(row, at.first);
        for (size_t i = 0; i < F32::kLanes; i++) divisors[i] = static_cast<float>(exact[i]);
        const F32 share = at.load(dy + row * params.columns.out) / F32::load(divisors);
        return [=](F32) { return share; };
      },
      [](size_t, const WindowRow&, const PoolRows&) {});
}
