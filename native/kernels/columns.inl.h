// Channel sums of images whose planes have one pixel. Neighboring floats then belong to
// neighboring channels, so each lane sums one channel.

// Whether the planes of a block have one pixel.
inline bool is_columns(const Block& block) {
  return block.length == 1 && (block.channels == 1 || block.channel_stride == 1);
}

// Whether the rows of a block consist of whole cache lines, without which streaming does not pay.
inline bool streams_rows(const float* y, const Block& block, bool streaming) {
  constexpr size_t kLine = 64 / sizeof(float);
  return F32::kStreams && streaming && block.channels % kLine == 0 &&
         block.image_stride % kLine == 0 && reinterpret_cast<uintptr_t>(y) % 64 == 0;
}

// Channels summed together: 4 vectors hide the latency of the addition.
constexpr size_t kMaxColumns = kAccumulators * F32::kLanes;

// Sums of one quantity for up to four vectors of channels, moved to doubles after kAdditions
// additions for the reason given in row_sums.inl.h.
struct ColumnAccumulators {
  F32 lanes0, lanes1, lanes2, lanes3;
  F64Lanes sums0, sums1, sums2, sums3;

  template <size_t k>
  F32& lanes() {
    if constexpr (k == 0) return lanes0;
    if constexpr (k == 1) return lanes1;
    if constexpr (k == 2) return lanes2;
    if constexpr (k == 3) return lanes3;
  }
  BATCHNORM_INLINE void flush() {
    sums0.add(lanes0);
    sums1.add(lanes1);
    sums2.add(lanes2);
    sums3.add(lanes3);
    lanes0 = lanes1 = lanes2 = lanes3 = F32::zero();
  }
  BATCHNORM_INLINE void store(double* p) const {
    sums0.store(p);
    sums1.store(p + F32::kLanes);
    sums2.store(p + 2 * F32::kLanes);
    sums3.store(p + 3 * F32::kLanes);
  }
  BATCHNORM_INLINE static ColumnAccumulators zero() {
    const F64Lanes none = F64Lanes::zero();
    return {F32::zero(), F32::zero(), F32::zero(), F32::zero(), none, none, none, none};
  }
};

// Sums `columns` channels over the images: four whole vectors, one vector, or part of one. Sums
// provides flush() and add<k>(row, lanes), which adds the first `lanes` lanes of vector k of a row.
// It is passed by value to stay in registers.
template <class Sums>
BATCHNORM_INLINE Sums walk_columns(const Block& block, size_t columns, Sums sums) {
  for (size_t image = 0; image < block.images;) {
    const size_t end = std::min(block.images, image + kAdditions);
    for (; image < end; image++) {
      const size_t row = image * block.image_stride;
      if (columns == kMaxColumns) {
        sums.template add<0>(row, F32::kLanes);
        sums.template add<1>(row + F32::kLanes, F32::kLanes);
        sums.template add<2>(row + 2 * F32::kLanes, F32::kLanes);
        sums.template add<3>(row + 3 * F32::kLanes, F32::kLanes);
      } else {
        sums.template add<0>(row, columns);
      }
    }
    sums.flush();
  }
  return sums;
}

// Stores the first `columns` sums of both quantities.
BATCHNORM_INLINE void store_columns(const ColumnAccumulators& sums,
                                    const ColumnAccumulators& products, size_t columns,
                                    ChannelSums* out) {
  double of_sums[kMaxColumns];
  double of_products[kMaxColumns];
  sums.store(of_sums);
  products.store(of_products);
  for (size_t c = 0; c < columns; c++) out[c] = {of_sums[c], of_products[c]};
}

// A whole vector, or the first floats of one.
inline F32 load_columns(const float* p, size_t lanes) {
  return lanes == F32::kLanes ? F32::load(p) : F32::load_first(p, lanes);
}

// Calls function(first, columns) for ranges of channels of the sizes that walk_columns accepts.
template <class Function>
void for_each_column_range(size_t channels, const Function& function) {
  size_t first = 0;
  while (first < channels) {
    const size_t left = channels - first;
    const size_t columns = left >= kMaxColumns ? kMaxColumns : std::min(left, F32::kLanes);
    function(first, columns);
    first += columns;
  }
}

// Rows of fewer channels than lanes leave lanes empty. kLanes such rows make whole vectors, of more
// channels, whose parameters are repeated. Fewer than kMinJoinedRows rows are never joined: how
// many channels a block of them has may depend on cache sizes, and the order of the sums must not.
constexpr size_t kMinJoinedRows = 128;
constexpr size_t kMaxJoinedChannels = F32::kLanes * F32::kLanes;

inline bool joins_rows(const Block& block) {
  return block.channels < F32::kLanes && block.image_stride == block.channels &&
         block.images >= kMinJoinedRows;
}

struct JoinedRows {
  Block joined;
  Block rest;     // fewer than kLanes rows
  size_t offset;  // of the rest

  explicit JoinedRows(const Block& block) {
    const size_t channels = block.channels * F32::kLanes;
    const size_t rows = block.images / F32::kLanes;
    joined = {rows, channels, 1, channels, 1};
    rest = {block.images - rows * F32::kLanes, block.channels, 1, block.channels, 1};
    offset = rows * channels;
  }
};

// One parameter of joined rows.
struct RepeatedParameter {
  float values[kMaxJoinedChannels];

  const float* repeat(const float* parameter, size_t channels) {
    for (size_t i = 0; i < channels * F32::kLanes; i += channels) {
      std::copy_n(parameter, channels, values + i);
    }
    return values;
  }
};

// Calls sum(offset, block, out) for the joined rows and for the rest, and adds up the sums of each
// channel.
template <class Sum>
void sum_joined_rows(const Block& block, ChannelSums* out, const Sum& sum) {
  const JoinedRows rows(block);
  ChannelSums sums[kMaxJoinedChannels];
  const auto add = [&](size_t count) {
    for (size_t i = 0; i < count; i++) {
      out[i % block.channels].sum += sums[i].sum;
      out[i % block.channels].products += sums[i].products;
    }
  };
  std::fill_n(out, block.channels, ChannelSums{0, 0});
  sum(0, rows.joined, sums);
  add(rows.joined.channels);
  if (rows.rest.images == 0) return;
  sum(rows.offset, rows.rest, sums);
  add(block.channels);
}
