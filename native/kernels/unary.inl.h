// sqrt, square, ReLU and their gradients, those of exp and log, and the wrappers that make kernels
// from functions of one or two vectors.

struct Sqrt {
  F32 operator()(F32 x) const { return sqrt(x); }
};
struct SqrtBackward {
  F32 operator()(F32 y, F32 dy) const { return dy / y * F32::broadcast(0.5f); }
};
struct Square {
  F32 operator()(F32 x) const { return x * x; }
};
struct SquareBackward {
  F32 operator()(F32 x, F32 dy) const { return dy * x * F32::broadcast(2.0f); }
};
struct ExpBackward {
  F32 operator()(F32 y, F32 dy) const { return dy * y; }
};
struct LogBackward {
  F32 operator()(F32 x, F32 dy) const { return dy / x; }
};
struct Relu {
  // max returns its second argument for NaN, so NaN stays NaN.
  F32 operator()(F32 x) const { return max(F32::zero(), x); }
};
struct ReluBackward {
  F32 operator()(F32 y, F32 dy) const {
    return select(less_equal(y, F32::zero()), F32::zero(), dy);
  }
};

template <class Function>
void unary(const float* x, float* y, size_t n) {
  map(x, y, n, Function());
}

template <class Function>
void binary(const float* a, const float* b, float* out, size_t n) {
  map(a, b, out, n, Function());
}
