// y = (x - mean) * scale + shift over a block; y may be x.
inline void normalize(const float* x, float* y, const Block& block, const Normalization& by) {
  for (size_t image = 0; image < block.images; image++) {
    for (size_t channel = 0; channel < block.channels; channel++) {
      const size_t start = image * block.image_stride + channel * block.channel_stride;
      const float* source = x + start;
      float* target = y + start;
      const F32 mean = F32::broadcast(by.mean[channel]);
      const F32 scale = F32::broadcast(by.scale[channel]);
      const F32 shift = F32::broadcast(by.shift[channel]);
      size_t i = 0;
      for (; i + F32::kLanes <= block.length; i += F32::kLanes) {
        mul_add(F32::load(source + i) - mean, scale, shift).store(target + i);
      }
      const size_t left = block.length - i;
      if (left > 0) {
        mul_add(F32::load_first(source + i, left) - mean, scale, shift)
            .store_first(target + i, left);
      }
    }
  }
}
