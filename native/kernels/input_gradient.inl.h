// dx = ((dy - dy_mean) - (x - mean) * xhat_coefficient) * scale + shift over a block. Both means
// are subtracted before anything is scaled, because the differences may be much smaller than the
// terms. Gradient supplies dy (output_gradient.inl.h).

struct InputGradientLanes {
  F32 dy_mean, xhat_coefficient, scale, shift;

  F32 of(F32 deviation, F32 dy) const {
    return mul_add(negative_mul_add(deviation, xhat_coefficient, dy - dy_mean), scale, shift);
  }
};

template <class Gradient>
struct InputGradientValues {
  const float* x;
  Gradient gradient;
  InputGradient params;

  struct Channel {
    const float* x;
    typename Gradient::Channel dy;
    F32 mean;
    InputGradientLanes lanes;

    void prefetch(size_t) const {}  // both are still in cache from the sums
    F32 at(size_t offset) const {
      const F32 deviation = F32::load(x + offset) - mean;
      return lanes.of(deviation, dy.at(offset, deviation));
    }
    F32 at_first(size_t offset, size_t n) const {
      const F32 deviation = F32::load_first(x + offset, n) - mean;
      return lanes.of(deviation, dy.at_first(offset, n, deviation));
    }
  };
  Channel of(size_t channel) const {
    return {
        x,
        gradient.of(channel),
        F32::broadcast(params.mean[channel]),
        {F32::broadcast(params.dy_mean[channel]), F32::broadcast(params.xhat_coefficient[channel]),
         F32::broadcast(params.scale[channel]), F32::broadcast(params.shift[channel])}};
  }
};

// The same for planes of one pixel, with one lane per channel: kRows rows, the first of which
// begins at `first`.
template <size_t kRows, class Gradient>
BATCHNORM_INLINE void input_gradient_rows(const float* x, const Gradient& gradient, float* dx,
                                          size_t first, const Block& block,
                                          const InputGradient& params, bool streams) {
  const size_t stride = block.image_stride;
  each_vector(block.channels, streams, [=](auto at) {
    const F32 mean = at.load(params.mean);
    const InputGradientLanes lanes = {at.load(params.dy_mean), at.load(params.xhat_coefficient),
                                      at.load(params.scale), at.load(params.shift)};
    for (size_t i = 0; i < kRows; i++) {
      const size_t row = first + i * stride;
      at.prefetch(x + row);
      const F32 deviation = at.load(x + row) - mean;
      at.store(dx + row, lanes.of(deviation, at.of(gradient.from(row).columns(), deviation)));
    }
  });
}

// Several rows together load each parameter once.
template <class Gradient>
BATCHNORM_NOINLINE void column_input_gradient(const float* x, const Gradient& gradient, float* dx,
                                              const Block& block, const InputGradient params,
                                              bool streaming) {
  constexpr size_t kRows = 2;
  const bool streams = streams_rows(dx, block, streaming);
  size_t image = 0;
  for (; image + kRows <= block.images; image += kRows) {
    input_gradient_rows<kRows>(x, gradient, dx, image * block.image_stride, block, params, streams);
  }
  for (; image < block.images; image++) {
    input_gradient_rows<1>(x, gradient, dx, image * block.image_stride, block, params, streams);
  }
}

template <class Gradient>
BATCHNORM_NOINLINE void joined_rows_input_gradient(const float* x, const Gradient& gradient,
                                                   float* dx, const Block& block,
                                                   const InputGradient& params, bool streaming) {
  const JoinedRows rows(block);
  const size_t channels = block.channels;
  RepeatedGradient memory;
  RepeatedParameter mean, dy_mean, xhat_coefficient, scale, shift;
  column_input_gradient(
      x, gradient.repeat(channels, memory), dx, rows.joined,
      {mean.repeat(params.mean, channels), dy_mean.repeat(params.dy_mean, channels),
       xhat_coefficient.repeat(params.xhat_coefficient, channels),
       scale.repeat(params.scale, channels), shift.repeat(params.shift, channels)},
      streaming);
  column_input_gradient(x + rows.offset, gradient.from(rows.offset), dx + rows.offset, rows.rest,
                        params, streaming);
}

template <class Gradient>
void input_gradient_of(const float* x, const Gradient& gradient, float* dx, const Block& block,
                       const InputGradient& params, bool streaming) {
  if (is_columns(block)) {
    return joins_rows(block) ? joined_rows_input_gradient(x, gradient, dx, block, params, streaming)
                             : column_input_gradient(x, gradient, dx, block, params, streaming);
  }
  write_planes(dx, block, streaming, [=](size_t start, size_t channel, size_t) {
    return InputGradientValues<Gradient>{
        x + start,
        gradient.from(start).channel(channel),
        {params.mean + channel, params.dy_mean + channel, params.xhat_coefficient + channel,
         params.scale + channel, params.shift + channel}};
  });
}

inline void input_gradient(const float* x, const float* dy, float* dx, const Block& block,
                           const InputGradient& params, bool streaming) {
  input_gradient_of(x, DirectGradient{dy}, dx, block, params, streaming);
}

inline void relu_input_gradient(const float* x, const float* dy, float* dx, const Block& block,
                                const Normalization& forward, const InputGradient& params,
                                bool streaming) {
  input_gradient_of(x, ReluGradient{dy, forward.scale, forward.shift}, dx, block, params,
                    streaming);
}
