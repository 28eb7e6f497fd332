// y = (x - mean) * scale + shift over a block, and what follows in the same pass; y may be x.

// What follows the normalization of the value at an offset, or of the first lanes of one.
struct NothingMore {
  NothingMore from(size_t, size_t) const { return {}; }
  F32 at(size_t, F32 value) const { return value; }
  F32 at_first(size_t, size_t, F32 value) const { return value; }
};
struct ThenRelu {
  ThenRelu from(size_t, size_t) const { return {}; }
  F32 at(size_t, F32 value) const { return Relu()(value); }
  F32 at_first(size_t, size_t, F32 value) const { return Relu()(value); }
};
struct ThenAddAndRelu {
  const float* addend;
  size_t ahead;

  ThenAddAndRelu from(size_t start, size_t following) const {
    return {addend + start, std::min(following, kAhead)};
  }
  F32 at(size_t offset, F32 value) const {
    ask_for(addend + offset + ahead);
    return Relu()(value + F32::load(addend + offset));
  }
  F32 at_first(size_t offset, size_t n, F32 value) const {
    return Relu()(value + F32::load_first(addend + offset, n));
  }
};

template <class Then>
struct NormalizedValues {
  const float* x;
  Normalization by;
  Then then;

  struct Channel {
    const float* x;
    F32 mean, scale, shift;
    Then then;

    F32 of(F32 lanes) const { return mul_add(lanes - mean, scale, shift); }
    BATCHNORM_INLINE void ask(size_t offset) const { ask_for(x + offset); }
    F32 at(size_t offset) const { return then.at(offset, of(F32::load(x + offset))); }
    F32 at_first(size_t offset, size_t n) const {
      return then.at_first(offset, n, of(F32::load_first(x + offset, n)));
    }
  };
  Channel of(size_t channel) const {
    return {x, F32::broadcast(by.mean[channel]), F32::broadcast(by.scale[channel]),
            F32::broadcast(by.shift[channel]), then};
  }
};

// The same with a lane for each channel, where planes have one pixel.
template <class Then>
void normalize_columns(const float* x, float* y, const Block& block, const Normalization by,
                       const Then then) {
  for (size_t image = 0; image < block.images; image++) {
    const size_t row = image * block.image_stride;
    const float* source = x + row;
    float* target = y + row;
    const Then row_then = then.from(row, 0);
    each_vector(block.channels, [=](auto at) {
      at.store(target, at.of(row_then, mul_add(at.load(source) - at.load(by.mean),
                                               at.load(by.scale), at.load(by.shift))));
    });
  }
}

template <class Then>
void normalize_then(const float* x, float* y, const Block& block, const Normalization& by,
                    bool streaming, const Then& then) {
  if (is_columns(block)) return normalize_columns(x, y, block, by, then);
  write_planes(y, block, streaming, [=](size_t start, size_t channel, size_t following) {
    return NormalizedValues<Then>{x + start,
                                  {by.mean + channel, by.scale + channel, by.shift + channel},
                                  then.from(start, following)};
  });
}

inline void normalize(const float* x, float* y, const Block& block, const Normalization& by,
                      bool streaming) {
  normalize_then(x, y, block, by, streaming, NothingMore());
}

inline void normalize_relu(const float* x, const float* addend, float* y, const Block& block,
                           const Normalization& by, bool streaming) {
  if (addend == nullptr) return normalize_then(x, y, block, by, streaming, ThenRelu());
  normalize_then(x, y, block, by, streaming, ThenAddAndRelu{addend, 0});
}
