// The windows of pooling, and the rows that they read.
//
// A row of the plane is split into phases: phase r holds the columns r, r + S, r + 2S ... of the
// padded row, where windows are S columns apart. Column kx of all windows in a row of windows is
// then contiguous, beginning at index kx * D / S of phase kx * D mod S for columns that are D
// apart, so all arithmetic uses whole vectors for any stride. The rows that a window spans are kept
// in a ring buffer.

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
