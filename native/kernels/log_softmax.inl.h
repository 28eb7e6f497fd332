// y = x - max(x) - log(sum(exp(x - max(x)))) over one row. Subtracting the maximum first keeps exp
// from overflowing and leaves a sum between 1 and n.
//
// Where one class is nearly certain, its y and the gradient are small differences of numbers next
// to 1: log(1 + rest) and exp(y) - 1 are computed as such, so that the loss of a trained network
// and its gradient keep all bits of a float.

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
  // The largest value's own share of the sum is exactly 1.
  const double rest = sum - 1;
  const F32 log_sum = rest < 1 ? LogOfOnePlus()(F32::broadcast(static_cast<float>(rest)))
                               : Log()(F32::broadcast(static_cast<float>(sum)));
  map(x, y, n, LogSoftmax{largest, log_sum});
}

// dx = dy - exp(y) * sum(dy), near y = 0 as (dy - sum(dy)) - (exp(y) - 1) * sum(dy): with one
// target class the first difference is 0 there.
struct LogSoftmaxBackward {
  F32 dy_sum;
  F32 operator()(F32 y, F32 dy) const {
    const Exp::Parts power = Exp::parts(y);
    const F32 near_zero = negative_mul_add(power.minus_one, dy_sum, dy - dy_sum);
    const F32 elsewhere = negative_mul_add(Exp::whole(power), dy_sum, dy);
    // A little above -ln(2) / 2, where the exponent is still 0.
    return select(less(F32::broadcast(-0.34f), y), near_zero, elsewhere);
  }
};

inline void log_softmax_backward(const float* y, const float* dy, float* dx, size_t n) {
  const F32 dy_sum = F32::broadcast(static_cast<float>(sum(dy, n)));
  map(y, dy, dx, n, LogSoftmaxBackward{dy_sum});
}
