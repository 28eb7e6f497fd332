// The gradient of the normalization's output, which affine_gradient_sums and input_gradient take as
// a template parameter: dy itself, or the part of dy that passes the ReLU after the normalization.
// Each of the three structs provides
//
//   from(start), channel(first)     a copy that begins at another element or channel
//   of(channel)                     the gradient in one channel, as a function of the deviation
//                                   x - mean: at(offset, deviation), at_first(offset, n,
//                                   deviation); and prefetch(offset)
//   columns()                       the same for planes of one pixel, with one lane per channel and
//                                   without prefetch
//   repeat(channels, memory)        the same for joined rows (columns.inl.h)

// The parameters of a gradient for joined rows.
struct RepeatedGradient {
  RepeatedParameter scale, shift;
};

struct DirectGradient {
  const float* dy;

  struct Channel {
    const float* dy;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const { prefetch_line(dy + offset); }
    F32 at(size_t offset, F32) const { return F32::load(dy + offset); }
    F32 at_first(size_t offset, size_t n, F32) const { return F32::load_first(dy + offset, n); }
  };
  DirectGradient from(size_t start) const { return {dy + start}; }
  DirectGradient channel(size_t) const { return *this; }
  Channel of(size_t) const { return {dy}; }
  Channel columns() const { return {dy}; }
  DirectGradient repeat(size_t, RepeatedGradient&) const { return *this; }
};

// With a ReLU directly after the normalization. The sign of the ReLU's input is recomputed instead
// of stored, so the operations must be bitwise those of normalize.inl.h.
struct ReluGradient {
  const float* dy;
  const float* scale;
  const float* shift;

  struct Channel {
    const float* dy;
    F32 scale, shift;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const { prefetch_line(dy + offset); }
    F32 at(size_t offset, F32 deviation) const {
      return ReluBackward()(mul_add(deviation, scale, shift), F32::load(dy + offset));
    }
    F32 at_first(size_t offset, size_t n, F32 deviation) const {
      return ReluBackward()(mul_add(deviation, scale, shift), F32::load_first(dy + offset, n));
    }
  };
  ReluGradient from(size_t start) const { return {dy + start, scale, shift}; }
  ReluGradient channel(size_t first) const { return {dy, scale + first, shift + first}; }
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
  ReluGradient repeat(size_t channels, RepeatedGradient& memory) const {
    return {dy, memory.scale.repeat(scale, channels), memory.shift.repeat(shift, channels)};
  }
};

// With a residual added before the ReLU. Reads the ReLU's output y and stores the part of dy that
// passes, which is also the gradient of the residual.
struct ResidualReluGradient {
  const float* y;
  const float* dy;
  float* passed;

  struct Channel {
    const float* y;
    const float* dy;
    float* passed;

    BATCHNORM_INLINE void prefetch(ptrdiff_t offset) const {
      prefetch_line(y + offset);
      prefetch_line(dy + offset);
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
  ResidualReluGradient from(size_t start) const { return {y + start, dy + start, passed + start}; }
  ResidualReluGradient channel(size_t) const { return *this; }
  Channel of(size_t) const { return {y, dy, passed}; }
  Channel columns() const { return {y, dy, passed}; }
  ResidualReluGradient repeat(size_t, RepeatedGradient&) const { return *this; }
};
