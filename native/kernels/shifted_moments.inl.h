// Sums of (x - shift) and (x - shift)^2 over a block, one shift per channel. The caller checks that
// the shift was close enough to the mean (ops/channel_moments.h).

struct DeviationTerms {
  static constexpr size_t kTensors = 1;
  const float* x;
  const float* shift;

  struct Row {
    const float* x;
    F32 shift;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const { prefetch_line(x + offset); }
    static void add_deviation(F32 deviation, LanePair& lanes) {
      lanes.sum = lanes.sum + deviation;
      lanes.products = mul_add(deviation, deviation, lanes.products);
    }
    void add(size_t offset, LanePair& lanes) const {
      add_deviation(F32::load(x + offset) - shift, lanes);
    }
    void add_first(size_t offset, size_t n, LanePair& lanes) const {
      add_deviation(keep_first(F32::load_first(x + offset, n) - shift, n, F32::zero()), lanes);
    }
  };
  Row row(size_t channel) const { return {x, F32::broadcast(shift[channel])}; }
};

// The same for planes of one pixel, with one lane per channel. Rows are prefetched, because a part
// of each lies a whole row from the next.
struct ColumnShiftedMoments {
  static constexpr size_t kRowsAhead = 8;
  const float* x;
  F32 shift0, shift1, shift2, shift3;
  ColumnAccumulators deviations, squares;
  size_t ahead;

  template <size_t k>
  void add(size_t offset, size_t lanes) {
    const F32 shift = k == 0 ? shift0 : k == 1 ? shift1 : k == 2 ? shift2 : shift3;
    prefetch_line(x + offset + ahead);
    const F32 deviation = load_columns(x + offset, lanes) - shift;
    deviations.lanes<k>() = deviations.lanes<k>() + deviation;
    squares.lanes<k>() = mul_add(deviation, deviation, squares.lanes<k>());
  }
  BATCHNORM_INLINE void flush() {
    deviations.flush();
    squares.flush();
  }
};

inline void column_shifted_moments(const float* x, const float* shift, const Block& block,
                                   size_t columns, ChannelSums* out) {
  float shifts[kMaxColumns] = {};
  for (size_t c = 0; c < columns; c++) shifts[c] = shift[c];
  const ColumnShiftedMoments sums = walk_columns(
      block, columns,
      ColumnShiftedMoments{x, F32::load(shifts), F32::load(shifts + F32::kLanes),
                           F32::load(shifts + 2 * F32::kLanes), F32::load(shifts + 3 * F32::kLanes),
                           ColumnAccumulators::zero(), ColumnAccumulators::zero(),
                           ColumnShiftedMoments::kRowsAhead * block.image_stride});
  store_columns(sums.deviations, sums.squares, columns, out);
}

inline void columns_shifted_moments(const float* x, const float* shift, const Block& block,
                                    ChannelSums* out) {
  for_each_column_range(block.channels, [&](size_t first, size_t columns) {
    column_shifted_moments(x + first, shift + first, block, columns, out + first);
  });
}

inline void shifted_moments(const float* x, const float* shift, const Block& block,
                            ChannelSums* out) {
  if (!is_columns(block)) return row_sums(block, DeviationTerms{x, shift}, out);
  if (!joins_rows(block)) return columns_shifted_moments(x, shift, block, out);
  RepeatedParameter repeated;
  repeated.repeat(shift, block.channels);
  sum_joined_rows(block, out, [&](size_t offset, const Block& rows, ChannelSums* sums) {
    columns_shifted_moments(x + offset, repeated.values, rows, sums);
  });
}
