// Gradients of norms whose statistics are taken over several channels, which differ in their scale:
// the gradient of the normalized values is dy * scale, which takes the place of dy in the sums and
// in the input gradient.

// One scale per channel. As the structs in output_gradient.inl.h.
struct ScaledGradient {
  const float* dy;
  const float* scale;

  struct Channel {
    const float* dy;
    F32 scale;

    F32 at(size_t offset, F32) const { return F32::load(dy + offset) * scale; }
    F32 at_first(size_t offset, size_t n, F32) const {
      return F32::load_first(dy + offset, n) * scale;
    }
  };
  struct Columns {
    const float* dy;
    const float* scale;

    F32 at(size_t offset, F32) const { return F32::load(dy + offset) * F32::load(scale + offset); }
    F32 at_first(size_t offset, size_t n, F32) const {
      return F32::load_first(dy + offset, n) * F32::load_first(scale + offset, n);
    }
  };
  ScaledGradient from(size_t start) const { return {dy + start, scale}; }
  ScaledGradient channel(size_t first) const { return {dy, scale + first}; }
  Channel of(size_t channel) const { return {dy, F32::broadcast(scale[channel])}; }
  Columns columns() const { return {dy, scale}; }
  ScaledGradient repeat(size_t channels, RepeatedGradient& memory) const {
    return {dy, memory.scale.repeat(scale, channels)};
  }
};

// One scale per position in a row; the rows of dy begin `stride` floats apart.
struct ElementScaledGradient {
  const float* dy;
  const float* scale;
  size_t stride;

  struct Channel {
    const float* dy;
    const float* scale;
    size_t start;  // of the row in dy

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const { prefetch_line(dy + offset); }
    F32 at(size_t offset, F32) const {
      return F32::load(dy + offset) * F32::load(scale + (offset - start));
    }
    F32 at_first(size_t offset, size_t n, F32) const {
      return F32::load_first(dy + offset, n) * F32::load_first(scale + (offset - start), n);
    }
  };
  Channel of(size_t row) const { return {dy, scale, row * stride}; }
};

inline void scaled_input_gradient(const float* x, const float* dy, const float* scale, float* dx,
                                  const Block& block, const InputGradient& params, bool streaming) {
  input_gradient_of(x, ScaledGradient{dy, scale}, dx, block, params, streaming);
}

inline void element_gradient_sums(const float* x, const float* dy, const float* mean,
                                  const float* scale, const Block& block, ChannelSums* out) {
  const ElementScaledGradient gradient = {dy, scale, block.channel_stride};
  row_sums(block, GradientTerms<ElementScaledGradient>{x, mean, gradient}, out);
}

template <bool kStreaming>
void element_input_gradient_rows(const float* x, const float* dy, const float* scale, float* dx,
                                 const Block& block, const InputGradient& params) {
  using Values = InputGradientValues<ElementScaledGradient>;
  for (size_t row = 0; row < block.channels; row++) {
    const size_t start = row * block.channel_stride;
    const Values values = {x + start,
                           {dy + start, scale, 0},
                           {params.mean + row, params.dy_mean + row, params.xhat_coefficient + row,
                            params.scale + row, params.shift + row}};
    RunWriter<kStreaming, Values>{values, dx + start, 1, block.length}.write();
  }
}

inline void element_input_gradient(const float* x, const float* dy, const float* scale, float* dx,
                                   const Block& block, const InputGradient& params,
                                   bool streaming) {
  if (streaming && F32::kStreams) {
    return element_input_gradient_rows<F32::kStreams>(x, dy, scale, dx, block, params);
  }
  element_input_gradient_rows<false>(x, dy, scale, dx, block, params);
}

// Adds to the sums of whole or of partial vectors.
inline void add_lanes(WholeVector at, F32 lanes, double* sums) {
  F64Lanes wide = F64Lanes::load(sums + at.first);
  wide.add(lanes);
  wide.store(sums + at.first);
}
inline void add_lanes(PartialVector at, F32 lanes, double* sums) {
  double added[F32::kLanes];
  F64Lanes wide = F64Lanes::zero();
  wide.add(lanes);
  wide.store(added);
  for (size_t i = 0; i < at.count; i++) sums[at.first + i] += added[i];
}

static_assert(kMaxElementRows == kAdditions, "rows that one float may sum");

// dscale[i] += dy * xhat and dbias[i] += dy over at most kAdditions rows, for which floats are
// precise enough (row_sums.inl.h); dbias may be null.
inline void element_parameter_gradients(const float* x, const float* dy, const ElementRows& rows,
                                        size_t columns, double* dscale, double* dbias) {
  const size_t ahead = rows.count * rows.stride;
  each_vector(columns, [&](auto at) {
    F32 sum = F32::zero();
    F32 products = F32::zero();
    for (size_t row = 0; row < rows.count; row++) {
      const size_t start = row * rows.stride;
      const F32 deviation = at.load(x + start) - F32::broadcast(rows.mean[row]);
      const F32 xhat =
          mul_add(deviation, F32::broadcast(rows.inv_std[row]), F32::broadcast(rows.shift[row]));
      const F32 dy_lanes = at.load(dy + start);
      // The next rows. This pass reads rows from the cache, and memory would be idle without them.
      prefetch_line(x + start + at.first + ahead);
      prefetch_line(dy + start + at.first + ahead);
      products = mul_add(dy_lanes, xhat, products);
      sum = sum + dy_lanes;
    }
    add_lanes(at, products, dscale);
    if (dbias != nullptr) add_lanes(at, sum, dbias);
  });
}
