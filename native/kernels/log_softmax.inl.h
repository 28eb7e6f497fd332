// y = x - max(x) - log(sum(exp(x - max(x)))) over one row. Subtracting the maximum first keeps exp
// from overflowing and leaves a sum between 1 and n.

struct ExpOfDifference {
  F32 subtrahend;
  F32 operator()(F32 x) const { return Exp()(x - subtrahend); }
};

inline float row_max(const float* x, size_t n) {
  const F32 lowest = F32::broadcast(-std::numeric_limits<float>::infinity());
  F32 largest = lowest;
  size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) largest = max(F32::load(x + i), largest);
  if (i < n) {
    largest = max(keep_first(F32::load_first(x + i, n - i), n - i, lowest), largest);
  }
  return max_lane(largest);
}

// Sum of function(x) in double: rows are short next to a batch, every vector may be emptied.
template <class Function>
double sum_of(const float* x, size_t n, Function function) {
  F64Sum sum = F64Sum::zero();
  size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) sum.add(function(F32::load(x + i)));
  if (i < n) {
    sum.add(keep_first(function(F32::load_first(x + i, n - i)), n - i, F32::zero()));
  }
  return sum.total();
}

struct LogSoftmax {
  F32 largest, log_sum;
  F32 operator()(F32 x) const { return (x - largest) - log_sum; }
};

inline void log_softmax(const float* x, float* y, size_t n) {
  if (n == 0) return;
  const F32 largest = F32::broadcast(row_max(x, n));
  const double sum = sum_of(x, n, ExpOfDifference{largest});
  map(x, y, n, LogSoftmax{largest, Log()(F32::broadcast(static_cast<float>(sum)))});
}

// dx = dy - exp(y) * sum(dy)
struct LogSoftmaxBackward {
  F32 dy_sum;
  F32 operator()(F32 y, F32 dy) const { return negative_mul_add(Exp()(y), dy_sum, dy); }
};

inline void log_softmax_backward(const float* y, const float* dy, float* dx, size_t n) {
  const F32 dy_sum = F32::broadcast(static_cast<float>(sum(dy, n)));
  map(y, dy, dx, n, LogSoftmaxBackward{dy_sum});
}
