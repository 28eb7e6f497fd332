// dx = ((dy - dy_mean) - (x - mean) * slope) * scale + shift over a block. Both means are
// subtracted before anything is scaled: the differences are small where the terms are not.

struct InputGradientLanes {
  F32 mean, dy_mean, slope, scale, shift;

  F32 of(F32 x, F32 dy) const {
    return mul_add(negative_mul_add(x - mean, slope, dy - dy_mean), scale, shift);
  }
};

inline void input_gradient(const float* x, const float* dy, float* dx, const Block& block,
                           const InputGradient& by) {
  for (size_t image = 0; image < block.images; image++) {
    for (size_t channel = 0; channel < block.channels; channel++) {
      const size_t start = image * block.image_stride + channel * block.channel_stride;
      const InputGradientLanes gradient = {
          F32::broadcast(by.mean[channel]), F32::broadcast(by.dy_mean[channel]),
          F32::broadcast(by.slope[channel]), F32::broadcast(by.scale[channel]),
          F32::broadcast(by.shift[channel])};
      size_t i = start;
      const size_t end = start + block.length;
      for (; i + F32::kLanes <= end; i += F32::kLanes) {
        gradient.of(F32::load(x + i), F32::load(dy + i)).store(dx + i);
      }
      const size_t left = end - i;
      if (left > 0) {
        gradient.of(F32::load_first(x + i, left), F32::load_first(dy + i, left))
            .store_first(dx + i, left);
      }
    }
  }
}
