// Max and average pooling of one plane, and their gradients: windows of K x K values, S apart.
//
// Each row of the plane is first split into phases: phase r holds the columns r, r + S, r + 2S ...
// of the padded row. Column kx of all windows in a row of windows is then contiguous, beginning at
// index kx / S of phase kx mod S, so all arithmetic uses whole vectors for any stride. The last K
// rows are kept in a ring buffer.

// A ring buffer of K rows, each split into phases of `span` floats.
struct PoolRows {
  const Pooling& params;
  float* rows;
  size_t phases, span;

  PoolRows(const Pooling& pooling, float* memory)
      : params(pooling), rows(memory), phases(pool_phases(pooling)), span(pool_span(pooling)) {}

  float* row(size_t y) const { return rows + y % params.kernel * phases * span; }
  // The number of columns of the plane that windows cover.
  size_t width() const {
    const size_t reached = params.stride * (params.out_width - 1) + params.kernel;
    return reached <= params.padding ? 0 : std::min(params.width, reached - params.padding);
  }
  // Whether rows can be split and joined with the even_lanes and interleave operations.
  bool in_pairs() const { return params.stride == 2 && params.kernel >= 2; }

  void fill(size_t y, float value) const {
    float* to = row(y);
    for (size_t i = 0; i < phases * span; i += F32::kLanes) F32::broadcast(value).store(to + i);
  }

  // The phases of the even and the odd columns of the plane; only if in_pairs().
  float* even(size_t y) const { return row(y) + params.padding % 2 * span + params.padding / 2; }
  float* odd(size_t y) const {
    return row(y) + (params.padding + 1) % 2 * span + (params.padding + 1) / 2;
  }

  // Calls function(index in row(y), column) for every column >= `begin` that a window covers.
  template <class Function>
  void each_column(size_t begin, const Function& function) const {
    const size_t end = width();
    size_t phase = (begin + params.padding) % params.stride;
    size_t index = (begin + params.padding) / params.stride;
    for (size_t column = begin; column < end; column++) {
      if (phase < phases) function(phase * span + index, column);
      if (++phase == params.stride) {
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
    if (params.stride == 1) {
      std::copy(x, x + width(), to + params.padding);
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
    if (params.stride == 1) {
      std::copy(from + params.padding, from + params.padding + width(), x);
      std::fill(x + width(), x + params.width, 0.0f);
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
    std::fill(x + begin, x + params.width, 0.0f);
    each_column(begin, [&](size_t index, size_t column) { x[column] = from[index]; });
  }
};

// The windows of row `oy` of the output.
struct WindowRow {
  size_t first, end;  // the rows of the plane that they cover
  size_t slot;        // first % kernel: the slot of `first` in the ring, divided only once

  WindowRow(const Pooling& params, size_t oy) {
    const size_t top = oy * params.stride;
    first = top > params.padding ? top - params.padding : 0;
    end = std::min(params.height, top + params.kernel - params.padding);
    slot = first % params.kernel;
  }

  // Calls function(index) for the elements of window 0 in row-major order. `index` is the element's
  // index in the ring; for window i it is i larger.
  template <class Function>
  void each_element(const PoolRows& rows, const Function& function) const {
    const Pooling& params = rows.params;
    const size_t length = rows.phases * rows.span;
    size_t ring = slot;
    for (size_t y = first; y < end; y++) {
      size_t index = ring * length;
      size_t phase = 0;
      for (size_t kx = 0; kx < params.kernel; kx++) {
        function(index);
        index += rows.span;
        if (++phase == params.stride) {
          phase = 0;
          index = index - params.stride * rows.span + 1;
        }
      }
      if (++ring == params.kernel) ring = 0;
    }
  }
};

template <class Function>
void each_output_vector(const Pooling& params, const Function& function) {
  size_t i = 0;
  for (; i + F32::kLanes <= params.out_width; i += F32::kLanes) function(WholeVector{i});
  if (i < params.out_width) function(PartialVector{i, params.out_width - i});
}

// Reduces each window to one value: adds its elements to a copy of `empty` in row-major order. The
// padding holds `padding_value`.
template <class Fold>
void pool(const float* x, float* y, const Pooling& params, float* scratch, float padding_value,
          const Fold& empty) {
  const PoolRows rows(params, scratch);
  size_t next = 0;  // the next row to split
  for (size_t oy = 0; oy < params.out_height; oy++) {
    const WindowRow windows(params, oy);
    for (next = std::max(next, windows.first); next < windows.end; next++) {
      rows.split(x + next * params.width, next, padding_value);
    }
    float* out = y + oy * params.out_width;
    each_output_vector(params, [&](auto at) {
      Fold fold = empty;
      const float* from = rows.rows + at.first;
      windows.each_element(rows, [&](size_t index) { fold.add(F32::load(from + index)); });
      at.store(out, fold.result());
    });
  }
}

// Distributes each window's gradient among its elements. distribute(start of the row in dy, vector)
// returns a function from an element to its share of the gradient, which is called for the elements
// of a window in row-major order. If `x` is null, it receives zeros. finish(start of the row in dy,
// windows, gradients) is called after each row of windows.
template <class Distribute, class Finish>
void pool_backward(const float* x, float* dx, const Pooling& params, float* scratch,
                   const Distribute& distribute, const Finish& finish) {
  const PoolRows values(params, scratch);
  const PoolRows gradients(params, scratch + params.kernel * values.phases * values.span);
  size_t next = 0;  // the next row to split
  size_t done = 0;  // rows of dx that are written
  const auto write_up_to = [&](size_t end) {
    for (; done < end; done++) {
      float* row = dx + done * params.width;
      if (done < next) {
        gradients.join(row, done);
      } else {
        std::fill(row, row + params.width, 0.0f);
      }
    }
  };
  for (size_t oy = 0; oy < params.out_height; oy++) {
    const WindowRow windows(params, oy);
    // Rows before the first one that these windows cover are complete, and their slots in the ring
    // are needed again.
    write_up_to(windows.first);
    for (next = std::max(next, windows.first); next < windows.end; next++) {
      if (x != nullptr) {
        values.split(x + next * params.width, next, -std::numeric_limits<float>::infinity());
      }
      gradients.fill(next, 0.0f);
    }
    each_output_vector(params, [&](auto at) {
      auto share_of = distribute(oy * params.out_width, at);
      const float* from = values.rows + at.first;
      float* to = gradients.rows + at.first;
      windows.each_element(values, [&](size_t index) {
        const F32 element = x == nullptr ? F32::zero() : F32::load(from + index);
        (F32::load(to + index) + share_of(element)).store(to + index);
      });
    });
    finish(oy * params.out_width, windows, gradients);
  }
  write_up_to(params.height);
}

struct MaxOf {
  F32 largest;
  void add(F32 value) {
    // max returns its second argument if either is NaN, so a NaN in `largest` needs the select.
    largest = select(less_equal(largest, largest), max(largest, value), largest);
  }
  F32 result() const { return largest; }
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
// plane. FirstMaximum cannot do this, because the padding in the ring is -Inf as well.
inline void add_to_first_elements(const float* y, const float* dy, const WindowRow& windows,
                                  const PoolRows& gradients) {
  const Pooling& params = gradients.params;
  if (windows.first >= windows.end) return;
  float* const row = gradients.row(windows.first);
  for (size_t i = 0; i < params.out_width; i++) {
    if (y[i] != -std::numeric_limits<float>::infinity()) continue;
    const size_t left = i * params.stride;
    const size_t column = left < params.padding ? params.padding - left : 0;  // in the window
    if (column >= params.kernel || left + column - params.padding >= params.width) continue;
    row[column % params.stride * gradients.span + column / params.stride + i] += dy[i];
  }
}

inline void max_pool_backward(const float* x, const float* y, const float* dy, float* dx,
                              const Pooling& params, float* scratch) {
  // Larger than the -Inf in the padding, so that windows of only -Inf are left to `finish`.
  const F32 lowest = F32::broadcast(std::numeric_limits<float>::lowest());
  F32 largest_negated = lowest;
  pool_backward(
      x, dx, params, scratch,
      [&](size_t row, auto at) {
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

// Sums in double, so that large windows lose no precision.
struct MeanOf {
  double count;
  F64Lanes sum;
  void add(F32 value) { sum.add(value); }
  F32 result() const {
    double sums[F32::kLanes];
    float means[F32::kLanes];
    sum.store(sums);
    for (size_t i = 0; i < F32::kLanes; i++) means[i] = static_cast<float>(sums[i] / count);
    return F32::load(means);
  }
};

inline void avg_pool(const float* x, float* y, const Pooling& params, float* scratch) {
  const double count = static_cast<double>(params.kernel) * static_cast<double>(params.kernel);
  pool(x, y, params, scratch, 0.0f, MeanOf{count, F64Lanes::zero()});
}

inline void avg_pool_backward(const float* dy, float* dx, const Pooling& params, float* scratch) {
  const F32 count =
      F32::broadcast(static_cast<float>(params.kernel) * static_cast<float>(params.kernel));
  pool_backward(
      nullptr, dx, params, scratch,
      [=](size_t row, auto at) {
        const F32 share = at.load(dy + row) / count;
        return [=](F32) { return share; };
      },
      [](size_t, const WindowRow&, const PoolRows&) {});
}
