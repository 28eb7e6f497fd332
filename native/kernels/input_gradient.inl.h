// dx = ((dy - dy_mean) - (x - mean) * slope) * scale + shift over a block. Both means are
// subtracted before anything is scaled: the differences are small where the terms are not.

struct InputGradientLanes {
  F32 mean, dy_mean, slope, scale, shift;

  F32 of(F32 x, F32 dy) const {
    return mul_add(negative_mul_add(x - mean, slope, dy - dy_mean), scale, shift);
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
                           const InputGradient& by) {
  if (is_columns(block)) {
    column_input_gradient(x, dy, dx, block, by);
    return;
  }
  for (size_t image = 0; image < block.images; image++) {
    for (size_t channel = 0; channel < block.channels; channel++) {
      const size_t start = image * block.image_stride + channel * block.channel_stride;
      const InputGradientLanes gradient = {
          F32::broadcast(by.mean[channel]), F32::broadcast(by.dy_mean[channel]),
          F32::broadcast(by.slope[channel]), F32::broadcast(by.scale[channel]),
          F32::broadcast(by.shift[channel])};
      write_row(dx + start, block.length,
                [=](auto at) { return gradient.of(at.load(x + start), at.load(dy + start)); });
    }
  }
}
