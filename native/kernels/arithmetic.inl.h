// out = a op b, where b is an array of the same length or a single number.

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

// NaN if either is NaN, as in PyTorch and numpy.
struct Maximum {
  F32 operator()(F32 a, F32 b) const {
    return select(less(b, a), a, select(less_equal(a, a), b, a));
  }
};
struct Minimum {
  F32 operator()(F32 a, F32 b) const {
    return select(less(a, b), a, select(less_equal(a, a), b, a));
  }
};

// Comparisons are 1 or 0.
struct Less {
  F32 operator()(F32 a, F32 b) const { return select(less(a, b), F32::broadcast(1), F32::zero()); }
};
struct LessEqual {
  F32 operator()(F32 a, F32 b) const {
    return select(less_equal(a, b), F32::broadcast(1), F32::zero());
  }
};
struct Greater {
  F32 operator()(F32 a, F32 b) const { return Less()(b, a); }
};
struct GreaterEqual {
  F32 operator()(F32 a, F32 b) const { return LessEqual()(b, a); }
};
struct Equal {
  F32 operator()(F32 a, F32 b) const {
    return select(less_equal(a, b), LessEqual()(b, a), F32::zero());
  }
};
struct NotEqual {
  F32 operator()(F32 a, F32 b) const { return F32::broadcast(1) - Equal()(a, b); }
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

// out = condition ? a : b. Every number but 0 is true, NaN included.
inline void where(const float* condition, const float* a, const float* b, float* out, size_t n) {
  each_vector(n, [=](auto position) {
    const F32 is_false = Equal()(position.load(condition), F32::zero());
    position.store(out, select(less(F32::zero(), is_false), position.load(b), position.load(a)));
  });
}
