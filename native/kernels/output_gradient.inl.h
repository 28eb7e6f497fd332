// The gradient of what normalization gave, for gradient_sums and input_gradient: dy itself, or what
// of it passes a ReLU behind the normalization. As functions of the deviation x - mean.
//
//   from(start), channel(first)     the same from another element, from another channel on
//   of(channel)                     the gradient in a channel: at(offset, deviation),
//                                   at_first(offset, n, deviation) and prefetch(offset)
//   columns()                       the same with a lane for each channel, where planes have one
//                                   pixel; without prefetch

struct GivenGradient {
  const float* dy;

  struct Channel {
    const float* dy;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const { ask_for(dy + offset); }
    F32 at(size_t offset, F32) const { return F32::load(dy + offset); }
    F32 at_first(size_t offset, size_t n, F32) const { return F32::load_first(dy + offset, n); }
  };
  GivenGradient from(size_t start) const { return {dy + start}; }
  GivenGradient channel(size_t) const { return *this; }
  Channel of(size_t) const { return {dy}; }
  Channel columns() const { return {dy}; }
};

// Where ReLU follows at once: what it gave is computed again, which takes no memory at all. The
// operations must be those of normalize.inl.h, to the bit.
struct GradientThroughRelu {
  const float* dy;
  const float* scale;
  const float* shift;

  struct Channel {
    const float* dy;
    F32 scale, shift;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const { ask_for(dy + offset); }
    F32 at(size_t offset, F32 deviation) const {
      return ReluBackward()(mul_add(deviation, scale, shift), F32::load(dy + offset));
    }
    F32 at_first(size_t offset, size_t n, F32 deviation) const {
      return ReluBackward()(mul_add(deviation, scale, shift), F32::load_first(dy + offset, n));
    }
  };
  GradientThroughRelu from(size_t start) const { return {dy + start, scale, shift}; }
  GradientThroughRelu channel(size_t first) const { return {dy, scale + first, shift + first}; }
  Channel of(size_t channel) const {
    return {dy, F32::broadcast(scale[channel]), F32::broadcast(shift[channel])};
  }
  struct Columns {
    const float* dy;
    const float* scale;
    const float* shift;

    F32 at(size_t offset, F32 deviation) const {
      const Channel here = {dy, F32::load(scale + offset), F32::load(shift + offset)};
      return here.at(offset, deviation);
    }
    F32 at_first(size_t offset, size_t n, F32 deviation) const {
      const Channel here = {dy, F32::load_first(scale + offset, n),
                            F32::load_first(shift + offset, n)};
      return here.at_first(offset, n, deviation);
    }
  };
  Columns columns() const { return {dy, scale, shift}; }
};

// Where something was added before ReLU: what it gave is read, and what passes is stored, since the
// addend's gradient is just that.
struct GradientThroughAddAndRelu {
  const float* y;
  const float* dy;
  float* passed;

  struct Channel {
    const float* y;
    const float* dy;
    float* passed;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const {
      ask_for(y + offset);
      ask_for(dy + offset);
    }
    F32 at(size_t offset, F32) const {
      const F32 result = ReluBackward()(F32::load(y + offset), F32::load(dy + offset));
      result.store(passed + offset);
      return result;
    }
    F32 at_first(size_t offset, size_t n, F32) const {
      const F32 result =
          ReluBackward()(F32::load_first(y + offset, n), F32::load_first(dy + offset, n));
      result.store_first(passed + offset, n);
      return result;
    }
  };
  GradientThroughAddAndRelu from(size_t start) const {
    return {y + start, dy + start, passed + start};
  }
  GradientThroughAddAndRelu channel(size_t) const { return *this; }
  Channel of(size_t) const { return {y, dy, passed}; }
  Channel columns() const { return {y, dy, passed}; }
};
