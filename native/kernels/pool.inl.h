// Largest and mean values of K x K windows of one plane, and their gradients.
//
// A row is split into phases before it is read: phase r has the columns r, r + S, r + 2S ... of the
// padded row. Then column kx of every window of a row of windows is one run, at kx / S of phase
// kx mod S, whatever the stride, and all arithmetic is on whole vectors. Rows are kept in rings of
// K; a phase is as long as whole vectors need.

struct PoolRows {
  const Pooling& by;
  float* rows;
  size_t phases, span;

  PoolRows(const Pooling& pooling, float* memory)
      : by(pooling), rows(memory), phases(pool_phases(pooling)), span(pool_span(pooling)) {}

  float* row(size_t y) const { return rows + y % by.kernel * phases * span; }
  // Columns of the plane that windows reach.
  size_t width() const {
    const size_t reached = by.stride * (by.out_width - 1) + by.kernel;
    return reached <= by.padding ? 0 : std::min(by.width, reached - by.padding);
  }
  // Whether vectors can split and join rows two columns at a time.
  bool in_pairs() const { return by.stride == 2 && by.kernel >= 2; }

  void fill(size_t y, float value) const {
    float* to = row(y);
    for (size_t i = 0; i < phases * span; i += F32::kLanes) F32::broadcast(value).store(to + i);
  }

  // Where the even and the odd columns of the plane stand, where in_pairs().
  float* even(size_t y) const { return row(y) + by.padding % 2 * span + by.padding / 2; }
  float* odd(size_t y) const { return row(y) + (by.padding + 1) % 2 * span + (by.padding + 1) / 2; }

  // function(place in row(y), column) for every column from `begin` on that a window reaches.
  template <class Function>
  void each_column(size_t begin, const Function& function) const {
    const size_t end = width();
    size_t phase = (begin + by.padding) % by.stride;
    size_t place = (begin + by.padding) / by.stride;
    for (size_t column = begin; column < end; column++) {
      if (phase < phases) function(phase * span + place, column);
      if (++phase == by.stride) {
        phase = 0;
        place++;
      }
    }
  }

  // Row y of the plane, `outside` around it.
  void split(const float* x, size_t y, float outside) const {
    fill(y, outside);
    float* to = row(y);
    size_t begin = 0;
    if (by.stride == 1) {
      std::copy(x, x + width(), to + by.padding);
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
    each_column(begin, [&](size_t place, size_t from) { to[place] = x[from]; });
  }

  // The other way round; columns that no window reaches are 0.
  void join(float* x, size_t y) const {
    const float* from = row(y);
    size_t begin = 0;
    if (by.stride == 1) {
      std::copy(from + by.padding, from + by.padding + width(), x);
      std::fill(x + width(), x + by.width, 0.0f);
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
    std::fill(x + begin, x + by.width, 0.0f);
    each_column(begin, [&](size_t place, size_t to) { x[to] = from[place]; });
  }
};

// The windows of one row of the output.
struct WindowRow {
  size_t first, end;  // rows of the plane that they reach
  size_t slot;        // of `first` in the ring; a division, which no vector repeats

  WindowRow(const Pooling& by, size_t oy) {
    const size_t top = oy * by.stride;
    first = top > by.padding ? top - by.padding : 0;
    end = std::min(by.height, top + by.kernel - by.padding);
    slot = first % by.kernel;
  }

  // function(place) for the elements of one window in row-major order: its place in a ring, for
  // window 0; that of window i is i further.
  template <class Function>
  void each_element(const PoolRows& rows, const Function& function) const {
    const Pooling& by = rows.by;
    const size_t length = rows.phases * rows.span;
    size_t ring = slot;
    for (size_t y = first; y < end; y++) {
      size_t place = ring * length;
      size_t phase = 0;
      for (size_t kx = 0; kx < by.kernel; kx++) {
        function(place);
        place += rows.span;
        if (++phase == by.stride) {
          phase = 0;
          place = place - by.stride * rows.span + 1;
        }
      }
      if (++ring == by.kernel) ring = 0;
    }
  }
};

template <class Function>
void each_output_vector(const Pooling& by, const Function& function) {
  size_t i = 0;
  for (; i + F32::kLanes <= by.out_width; i += F32::kLanes) function(WholeVector{i});
  if (i < by.out_width) function(PartialVector{i, by.out_width - i});
}

// Folds all values of each window into one, in row-major order; `outside` stands in the padding.
template <class Fold>
void pool(const float* x, float* y, const Pooling& by, float* scratch, float outside,
          const Fold& empty) {
  const PoolRows rows(by, scratch);
  size_t next = 0;  // row to be split
  for (size_t oy = 0; oy < by.out_height; oy++) {
    const WindowRow windows(by, oy);
    for (next = std::max(next, windows.first); next < windows.end; next++) {
      rows.split(x + next * by.width, next, outside);
    }
    float* out = y + oy * by.out_width;
    each_output_vector(by, [&](auto at) {
      Fold fold = empty;
      const float* from = rows.rows + at.first;
      windows.each_element(rows, [&](size_t place) { fold.add(F32::load(from + place)); });
      at.store(out, fold.result());
    });
  }
}

// Gives each window's gradient to its elements: give(place of the row in dy, vector) makes the
// function from elements, in row-major order, to their parts. `x` may be null where it reads none.
// finish(place of the row in dy, windows, gradients) is called once a row of windows is done.
template <class Give, class Finish>
void pool_backward(const float* x, float* dx, const Pooling& by, float* scratch, const Give& give,
                   const Finish& finish) {
  const PoolRows values(by, scratch);
  const PoolRows gradients(by, scratch + by.kernel * values.phases * values.span);
  size_t next = 0;  // row to be split
  size_t done = 0;  // row of dx to be written
  const auto write_up_to = [&](size_t end) {
    for (; done < end; done++) {
      float* row = dx + done * by.width;
      if (done < next) {
        gradients.join(row, done);
      } else {
        std::fill(row, row + by.width, 0.0f);
      }
    }
  };
  for (size_t oy = 0; oy < by.out_height; oy++) {
    const WindowRow windows(by, oy);
    // A row is complete when no window reaches it any more; its place in the ring is needed again.
    write_up_to(windows.first);
    for (next = std::max(next, windows.first); next < windows.end; next++) {
      if (x != nullptr) {
        values.split(x + next * by.width, next, -std::numeric_limits<float>::infinity());
      }
      gradients.fill(next, 0.0f);
    }
    each_output_vector(by, [&](auto at) {
      auto part_of = give(oy * by.out_width, at);
      const float* from = values.rows + at.first;
      float* to = gradients.rows + at.first;
      windows.each_element(values, [&](size_t place) {
        const F32 element = x == nullptr ? F32::zero() : F32::load(from + place);
        (F32::load(to + place) + part_of(element)).store(to + place);
      });
    });
    finish(oy * by.out_width, windows, gradients);
  }
  write_up_to(by.height);
}

struct LargestOf {
  F32 largest;
  void add(F32 value) {
    // A NaN stays, whichever side it comes from: max alone gives its second argument.
    largest = select(less_equal(largest, largest), max(largest, value), largest);
  }
  F32 result() const { return largest; }
};

inline void max_pool(const float* x, float* y, const Pooling& by, float* scratch) {
  const float lowest = -std::numeric_limits<float>::infinity();
  pool(x, y, by, scratch, lowest, LargestOf{F32::broadcast(lowest)});
}

// The whole gradient of a window goes to the first of its elements that is its maximum y, or NaN.
struct FirstMaximum {
  F32 largest, gradient;

  F32 operator()(F32 element) {
    const Mask is_largest = less_equal(largest, element);
    const Mask is_number = less_equal(element, element);
    const F32 part = select(is_largest, gradient, select(is_number, F32::zero(), gradient));
    // Once given, none is left.
    gradient = select(is_largest, F32::zero(), select(is_number, gradient, F32::zero()));
    return part;
  }
};

// Adds the gradients of those windows of a row whose maximum y is -Inf to their first elements in
// the plane. Vectors cannot: in the ring, the padding is -Inf, too.
inline void give_to_first_elements(const float* y, const float* dy, const WindowRow& windows,
                                   const PoolRows& gradients) {
  const Pooling& by = gradients.by;
  if (windows.first >= windows.end) return;
  float* const row = gradients.row(windows.first);
  for (size_t i = 0; i < by.out_width; i++) {
    if (y[i] != -std::numeric_limits<float>::infinity()) continue;
    const size_t left = i * by.stride;
    const size_t column = left < by.padding ? by.padding - left : 0;  // of the window
    if (column >= by.kernel || left + column - by.padding >= by.width) continue;
    row[column % by.stride * gradients.span + column / by.stride + i] += dy[i];
  }
}

inline void max_pool_backward(const float* x, const float* y, const float* dy, float* dx,
                              const Pooling& by, float* scratch) {
  // Above -Inf, which stands in the padding: windows of nothing but -Inf are left to finish.
  const F32 lowest = F32::broadcast(std::numeric_limits<float>::lowest());
  F32 largest_negated = lowest;
  pool_backward(
      x, dx, by, scratch,
      [&](size_t row, auto at) {
        const F32 largest = at.load(y + row);
        // The second argument where y is NaN.
        largest_negated = max(F32::zero() - largest, largest_negated);
        return FirstMaximum{max(lowest, largest), at.load(dy + row)};
      },
      [&](size_t row, const WindowRow& windows, const PoolRows& gradients) {
        // One comparison for each row of windows, whose search is worth it only where it finds one.
        if (max_lane(largest_negated) < std::numeric_limits<float>::infinity()) return;
        largest_negated = lowest;
        give_to_first_elements(y + row, dy + row, windows, gradients);
      });
}

// In double: windows of any size lose nothing.
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

inline void avg_pool(const float* x, float* y, const Pooling& by, float* scratch) {
  const double count = static_cast<double>(by.kernel) * static_cast<double>(by.kernel);
  pool(x, y, by, scratch, 0.0f, MeanOf{count, F64Lanes::zero()});
}

inline void avg_pool_backward(const float* dy, float* dx, const Pooling& by, float* scratch) {
  const F32 count = F32::broadcast(static_cast<float>(by.kernel) * static_cast<float>(by.kernel));
  pool_backward(
      nullptr, dx, by, scratch,
      [=](size_t row, auto at) {
        const F32 part = at.load(dy + row) / count;
        return [=](F32) { return part; };
      },
      [](size_t, const WindowRow&, const PoolRows&) {});
}
