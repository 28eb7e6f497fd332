// dx = ((dy - dy_mean) - (x - mean) * slope) * scale + shift over a block. Both means are
// subtracted before anything is scaled: the differences are small where the terms are not.

struct InputGradientLanes {
  F32 mean, dy_mean, slope, scale, shift;

  F32 of(F32 x, F32 dy) const {
    return mul_add(negative_mul_add(x - mean, slope, dy - dy_mean), scale, shift);
  }
};

struct InputGradientValues {
  const float* x;
  const float* dy;
  InputGradient by;

  struct Channel {
    const float* x;
    const float* dy;
    InputGradientLanes lanes;

    void ask(size_t) const {}  // the sums have just read both
    F32 at(size_t offset) const { return lanes.of(F32::load(x + offset), F32::load(dy + offset)); }
    F32 at_first(size_t offset, size_t n) const {
      return lanes.of(F32::load_first(x + offset, n), F32::load_first(dy + offset, n));
    }
  };
  Channel of(size_t channel) const {
    return {x,
            dy,
            {F32::broadcast(by.mean[channel]), F32::broadcast(by.dy_mean[channel]),
             F32::broadcast(by.slope[channel]), F32::broadcast(by.scale[channel]),
             F32::broadcast(by.shift[channel])}};
  }
};

// The same with a lane for each channel, where planes have one pixel.
inline void column_input_gradient(const float* x, const float* dy, float* dx, const Block& block,
                                  const InputGradient by) {
  for (size_t image = 0; image < block.images; image++) {
    const size_t row = image * block.image_stride;
    each_vector(block.channels, [=](auto at) {
      const InputGradientLanes gradient = {at.load(by.mean), at.load(by.dy_mean), at.load(by.slope),
                                           at.load(by.scale), at.load(by.shift)};
      at.store(dx + row, gradient.of(at.load(x + row), at.load(dy + row)));
    });
  }
}

inline void input_gradient(const float* x, const float* dy, float* dx, const Block& block,
                           const InputGradient& by, bool streaming) {
  if (is_columns(block)) return column_input_gradient(x, dy, dx, block, by);
  write_planes(dx, block, streaming, [=](size_t start, size_t channel) {
    return InputGradientValues{x + start,
                               dy + start,
                               {by.mean + channel, by.dy_mean + channel, by.slope + channel,
                                by.scale + channel, by.shift + channel}};
  });
}
