// out = a op b, with a tensor of the same length or with one number on the right.

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
struct WithNumber {
  F32 b;
  F32 operator()(F32 a) const { return Operation()(a, b); }
};

template <class Operation>
void arithmetic(const float* a, const float* b, float* out, size_t n) {
  map(a, b, out, n, Operation());
}

template <class Operation>
void arithmetic_scalar(const float* a, float b, float* out, size_t n) {
  map(a, out, n, WithNumber<Operation>{F32::broadcast(b)});
}
