// y = exp(x - max(x)) / sum(exp(x - max(x))) over one row, and its gradient
// dx = y * (dy - sum(y * dy)).

inline void softmax(const float* x, float* y, size_t n) {
  if (n == 0) return;
  const ExpOfDifference power{F32::broadcast(row_max(x, n))};
  const float sum = static_cast<float>(sum_of(x, n, power));
  map(x, y, n, [=](F32 value) { return power(value) / F32::broadcast(sum); });
}

inline void softmax_backward(const float* y, const float* dy, float* dx, size_t n) {
  F64Sum products = F64Sum::zero();
  each_vector(n, [&](auto at) { products.add(at.load(y) * at.load(dy)); });
  const F32 sum = F32::broadcast(static_cast<float>(products.total()));
  map(y, dy, dx, n, [=](F32 probability, F32 gradient) { return probability * (gradient - sum); });
}
