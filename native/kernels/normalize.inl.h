// y = (x - mean) * scale + shift over a block, and a fused activation; y may be x.

// The activation applied to the normalized value at an offset, or to the first lanes of one.
struct NoActivation {
  NoActivation from(size_t, size_t) const { return {}; }
  BATCHNORM_INLINE F32 at(size_t, F32 value) const { return value; }
  BATCHNORM_INLINE F32 at_first(size_t, size_t, F32 value) const { return value; }
};
struct ThenRelu {
  ThenRelu from(size_t, size_t) const { return {}; }
  BATCHNORM_INLINE F32 at(size_t, F32 value) const { return Relu()(value); }
  BATCHNORM_INLINE F32 at_first(size_t, size_t, F32 value) const { return Relu()(value); }
};
struct ThenAddResidualAndRelu {
  const float* residual;
  size_t ahead;

  ThenAddResidualAndRelu from(size_t start, size_t following) const {
    return {residual + start, std::min(following, kPrefetchFloats)};
  }
  BATCHNORM_INLINE F32 at(size_t offset, F32 value) const {
    prefetch_line(residual + offset + ahead);
    return Relu()(value + F32::load(residual + offset));
  }
  BATCHNORM_INLINE F32 at_first(size_t offset, size_t n, F32 value) const {
    return Relu()(value + F32::load_first(residual + offset, n));
  }
};

template <class Then>
struct NormalizedValues {
  const float* x;
  Normalization params;
  Then then;

  struct Channel {
    const float* x;
    F32 mean, scale, shift;
    Then then;

    BATCHNORM_INLINE F32 of(F32 lanes) const { return mul_add(lanes - mean, scale, shift); }
    BATCHNORM_INLINE void prefetch(size_t offset) const { prefetch_line(x + offset); }
    BATCHNORM_INLINE F32 at(size_t offset) const {
      return then.at(offset, of(F32::load(x + offset)));
    }
    BATCHNORM_INLINE F32 at_first(size_t offset, size_t n) const {
      return then.at_first(offset, n, of(F32::load_first(x + offset, n)));
    }
  };
  BATCHNORM_INLINE Channel of(size_t channel) const {
    return {x, F32::broadcast(params.mean[channel]), F32::broadcast(params.scale[channel]),
            F32::broadcast(params.shift[channel]), then};
  }
};

// The same for planes of one pixel, with one lane per channel: kRows rows, the first of which
// begins at `row`.
template <size_t kRows, class Then>
BATCHNORM_INLINE void normalize_rows(const float* x, float* y, size_t row, const Block& block,
                                     const Normalization& params, bool streams, const Then& then) {
  const size_t stride = block.image_stride;
  each_vector(block.channels, streams, [=](auto at) {
    const F32 mean = at.load(params.mean);
    const F32 scale = at.load(params.scale);
    const F32 shift = at.load(params.shift);
    for (size_t i = 0; i < kRows; i++) {
      const size_t start = row + i * stride;
      at.prefetch(x + start);
      const F32 value = mul_add(at.load(x + start) - mean, scale, shift);
      at.store(y + start, at.of(then.from(start, 0), value));
    }
  });
}

// Several rows together load each parameter once.
template <class Then>
void normalize_columns(const float* x, float* y, const Block& block, const Normalization params,
                       bool streaming, const Then then) {
  constexpr size_t kRows = 4;
  const bool streams = streams_rows(y, block, streaming);
  size_t image = 0;
  for (; image + kRows <= block.images; image += kRows) {
    normalize_rows<kRows>(x, y, image * block.image_stride, block, params, streams, then);
  }
  for (; image < block.images; image++) {
    normalize_rows<1>(x, y, image * block.image_stride, block, params, streams, then);
  }
}

template <class Then>
BATCHNORM_NOINLINE void normalize_joined_rows(const float* x, float* y, const Block& block,
                                              const Normalization params, bool streaming,
                                              const Then then) {
  const JoinedRows rows(block);
  RepeatedParameter mean, scale, shift;
  normalize_columns(
      x, y, rows.joined,
      {mean.repeat(params.mean, block.channels), scale.repeat(params.scale, block.channels),
       shift.repeat(params.shift, block.channels)},
      streaming, then);
  normalize_columns(x + rows.offset, y + rows.offset, rows.rest, params, streaming,
                    then.from(rows.offset, 0));
}

template <class Then>
BATCHNORM_NOINLINE void normalize_planes(const float* x, float* y, const Block& block,
                                         const Normalization params, bool streaming,
                                         const Then then) {
  write_planes(y, block, streaming, [=](size_t start, size_t channel, size_t following) {
    return NormalizedValues<Then>{
        x + start,
        {params.mean + channel, params.scale + channel, params.shift + channel},
        then.from(start, following)};
  });
}

template <class Then>
void normalize_then(const float* x, float* y, const Block& block, const Normalization& params,
                    bool streaming, const Then& then) {
  if (!is_columns(block)) return normalize_planes(x, y, block, params, streaming, then);
  if (joins_rows(block)) return normalize_joined_rows(x, y, block, params, streaming, then);
  normalize_columns(x, y, block, params, streaming, then);
}

inline void normalize(const float* x, float* y, const Block& block, const Normalization& params,
                      bool streaming) {
  normalize_then(x, y, block, params, streaming, NoActivation());
}

inline void normalize_relu(const float* x, const float* residual, float* y, const Block& block,
                           const Normalization& params, bool streaming) {
  if (residual == nullptr) return normalize_then(x, y, block, params, streaming, ThenRelu());
  normalize_then(x, y, block, params, streaming, ThenAddResidualAndRelu{residual, 0});
}
