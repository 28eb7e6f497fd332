// y = x - max(x) - log(sum(exp(x - max(x)))) over one row, and its gradient. Subtracting the
// maximum first keeps exp from overflowing and the sum between 1 and n.
//
// If one class is nearly certain, its y and gradient are small differences of numbers close to 1.
// They are computed through log(1 + rest) and exp(y) - 1, so the loss of a trained network and its
// gradient keep full float32 precision.

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

// The sum of function(x) in double. Every vector is moved to doubles at once: rows are short, so
// the conversions do not matter.
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
  // The largest value contributes exactly 1 to the sum.
  const double rest = sum - 1;
  const F32 log_sum = rest < 1 ? LogOfOnePlus()(F32::broadcast(static_cast<float>(rest)))
                               : Log()(F32::broadcast(static_cast<float>(sum)));
  map(x, y, n, LogSoftmax{largest, log_sum});
}

// dx = dy - exp(y) * sum(dy). Near y = 0 it is computed as
// (dy - sum(dy)) - (exp(y) - 1) * sum(dy), where the first difference is exactly 0 if y belongs to
// the only target class.
struct LogSoftmaxBackward {
  F32 dy_sum;
  F32 operator()(F32 y, F32 dy) const {
    const Exp::Parts power = Exp::parts(y);
    const F32 near_zero = negative_mul_add(power.minus_one, dy_sum, dy - dy_sum);
    const F32 elsewhere = negative_mul_add(Exp::combine(power), dy_sum, dy);
    // The threshold is just above -ln(2) / 2, so the exponent is 0 for every y near zero.
    return select(less(F32::broadcast(-0.34f), y), near_zero, elsewhere);
  }
};

inline void log_softmax_backward(const float* y, const float* dy, float* dx, size_t n) {
  const F32 dy_sum = F32::broadcast(static_cast<float>(sum(dy, n)));
  map(y, dy, dx, n, LogSoftmaxBackward{dy_sum});
}
