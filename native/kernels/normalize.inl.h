// y = (x - mean) * scale + shift over a block; y may be x.

struct NormalizedValues {
  const float* x;
  Normalization by;

  struct Channel {
    const float* x;
    F32 mean, scale, shift;

    F32 of(F32 lanes) const { return mul_add(lanes - mean, scale, shift); }
    void ask(size_t offset) const { ask_for(x + offset); }
    F32 at(size_t offset) const { return of(F32::load(x + offset)); }
    F32 at_first(size_t offset, size_t n) const { return of(F32::load_first(x + offset, n)); }
  };
  Channel of(size_t channel) const {
    return {x, F32::broadcast(by.mean[channel]), F32::broadcast(by.scale[channel]),
            F32::broadcast(by.shift[channel])};
  }
};

// The same with a lane for each channel, where planes have one pixel.
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

inline void normalize(const float* x, float* y, const Block& block, const Normalization& by,
                      bool streaming) {
  if (is_columns(block)) return normalize_columns(x, y, block, by);
  write_planes(y, block, streaming, [=](size_t start, size_t channel) {
    return NormalizedValues{x + start, {by.mean + channel, by.scale + channel, by.shift + channel}};
  });
}
