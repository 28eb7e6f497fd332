// out = a op b for + - * /, where b is an array of the same length or a single number.

struct Add {
  F32 operator()(F32 a, F32 b) const { return a + b; }
};
struct Sub {
  F32 operator()(F32 a, F32 b) const { return a - b; }
};
struct Mul {
  F32 operator()(F32 a, F32 b) const { return a * b; }
};
struct Div {
  F32 operator()(F32 a, F32 b) const { return a / b; }
};

template <class Operation>
struct WithScalar {
  F32 b;
  F32 operator()(F32 a) const { return Operation()(a, b); }
};

template <class Operation>
void arithmetic(const float* a, const float* b, float* out, size_t n) {
  map(a, b, out, n, Operation());
}

template <class Operation>
void arithmetic_scalar(const float* a, float b, float* out, size_t n) {
  map(a, out, n, WithScalar<Operation>{F32::broadcast(b)});
}
