// y = ((x - mean) * inv_std + shift) * scale + bias, where the statistics belong to a row and scale
// and bias to a position in it: layer norm. y may be x.

template <bool kHasBias>
struct NormalizedElements {
  const float* x;
  F32 mean, inv_std, shift;
  const float* scale;
  const float* bias;

  const NormalizedElements& of(size_t) const { return *this; }
  BATCHNORM_INLINE void prefetch(size_t offset) const { prefetch_line(x + offset); }
  F32 normalized(F32 lanes) const { return mul_add(lanes - mean, inv_std, shift); }
  F32 at(size_t i) const {
    const F32 xhat = normalized(F32::load(x + i));
    if constexpr (kHasBias) return mul_add(xhat, F32::load(scale + i), F32::load(bias + i));
    return xhat * F32::load(scale + i);
  }
  F32 at_first(size_t i, size_t n) const {
    const F32 xhat = normalized(F32::load_first(x + i, n));
    const F32 factor = F32::load_first(scale + i, n);
    if constexpr (kHasBias) return mul_add(xhat, factor, F32::load_first(bias + i, n));
    return xhat * factor;
  }
};

template <bool kStreaming, bool kHasBias>
void normalize_element_rows(const float* x, float* y, const Block& block,
                            const ElementNormalization& params) {
  for (size_t row = 0; row < block.channels; row++) {
    const size_t start = row * block.channel_stride;
    using Values = NormalizedElements<kHasBias>;
    const Values values = {x + start,
                           F32::broadcast(params.mean[row]),
                           F32::broadcast(params.inv_std[row]),
                           F32::broadcast(params.shift[row]),
                           params.scale,
                           params.bias};
    RunWriter<kStreaming, Values>{values, y + start, 1, block.length}.write();
  }
}

inline void normalize_elements(const float* x, float* y, const Block& block,
                               const ElementNormalization& params, bool streaming) {
  const bool stream = streaming && F32::kStreams;
  if (params.bias == nullptr) {
    if (stream) return normalize_element_rows<F32::kStreams, false>(x, y, block, params);
    return normalize_element_rows<false, false>(x, y, block, params);
  }
  if (stream) return normalize_element_rows<F32::kStreams, true>(x, y, block, params);
  normalize_element_rows<false, true>(x, y, block, params);
}
