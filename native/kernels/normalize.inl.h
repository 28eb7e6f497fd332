// y = (x - mean) * scale + shift with a lane for each channel, where planes have one pixel.
inline void normalize_columns(const float* x, float* y, const Block& block,
                              const Normalization by) {
  for (size_t image = 0; image < block.images; image++) {
    const float* source = x + image * block.image_stride;
    float* target = y + image * block.image_stride;
    each_vector(block.channels, [=](auto at) {
      at.store(target,
               mul_add(at.load(source) - at.load(by.mean), at.load(by.scale), at.load(by.shift)));
    });
  }
}

// y = (x - mean) * scale + shift over a block; y may be x.
inline void normalize(const float* x, float* y, const Block& block, const Normalization& by) {
  if (is_columns(block)) {
    normalize_columns(x, y, block, by);
    return;
  }
  for (size_t image = 0; image < block.images; image++) {
    for (size_t channel = 0; channel < block.channels; channel++) {
      const size_t start = image * block.image_stride + channel * block.channel_stride;
      const float* source = x + start;
      float* target = y + start;
      const F32 mean = F32::broadcast(by.mean[channel]);
      const F32 scale = F32::broadcast(by.scale[channel]);
      const F32 shift = F32::broadcast(by.shift[channel]);
      write_row(target, block.length,
                [=](auto at) { return mul_add(at.load(source) - mean, scale, shift); });
    }
  }
}
