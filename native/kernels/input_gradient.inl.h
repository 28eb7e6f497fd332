// dx = ((dy - dy_mean) - (x - mean) * slope) * scale + shift over a block. Both means are
// subtracted before anything is scaled: the differences are small where the terms are not. What dy
// is, Gradient says (output_gradient.inl.h).

struct InputGradientLanes {
  F32 dy_mean, slope, scale, shift;

  F32 of(F32 deviation, F32 dy) const {
    return mul_add(negative_mul_add(deviation, slope, dy - dy_mean), scale, shift);
  }
};

template <class Gradient>
struct InputGradientValues {
  const float* x;
  Gradient gradient;
  InputGradient by;

  struct Channel {
    const float* x;
    typename Gradient::Channel dy;
    F32 mean;
    InputGradientLanes lanes;

    void ask(size_t) const {}  // the sums have just read both
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
    return {x,
            gradient.of(channel),
            F32::broadcast(by.mean[channel]),
            {F32::broadcast(by.dy_mean[channel]), F32::broadcast(by.slope[channel]),
             F32::broadcast(by.scale[channel]), F32::broadcast(by.shift[channel])}};
  }
};

// The same with a lane for each channel, where planes have one pixel.
template <class Gradient>
void column_input_gradient(const float* x, const Gradient& gradient, float* dx, const Block& block,
                           const InputGradient by) {
  for (size_t image = 0; image < block.images; image++) {
    const size_t row = image * block.image_stride;
    const Gradient here = gradient.from(row);
    each_vector(block.channels, [=](auto at) {
      const InputGradientLanes lanes = {at.load(by.dy_mean), at.load(by.slope), at.load(by.scale),
                                        at.load(by.shift)};
      const F32 deviation = at.load(x + row) - at.load(by.mean);
      at.store(dx + row, lanes.of(deviation, at.of(here.columns(), deviation)));
    });
  }
}

template <class Gradient>
void input_gradient_of(const float* x, const Gradient& gradient, float* dx, const Block& block,
                       const InputGradient& by, bool streaming) {
  if (is_columns(block)) return column_input_gradient(x, gradient, dx, block, by);
  write_planes(dx, block, streaming, [=](size_t start, size_t channel, size_t) {
    return InputGradientValues<Gradient>{
        x + start,
        gradient.from(start).channel(channel),
        {by.mean + channel, by.dy_mean + channel, by.slope + channel, by.scale + channel,
         by.shift + channel}};
  });
}

inline void input_gradient(const float* x, const float* dy, float* dx, const Block& block,
                           const InputGradient& by, bool streaming) {
  input_gradient_of(x, GivenGradient{dy}, dx, block, by, streaming);
}

inline void relu_input_gradient(const float* x, const float* dy, float* dx, const Block& block,
                                const Normalization& forward, const InputGradient& by,
                                bool streaming) {
  input_gradient_of(x, GradientThroughRelu{dy, forward.scale, forward.shift}, dx, block, by,
                    streaming);
}
