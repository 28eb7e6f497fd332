// dfdx 0.10's Sgd in one pass over a parameter p with gradient g and velocity v:
//   g += l2 * p;  v = momentum * v + g;  step = lr * (v, or g + momentum * v for Nesterov, or g)
//   p -= step + lr * decoupled * p

inline void sgd_step(float* parameter, const float* gradient, float* velocity, size_t n,
                     const SgdStep& step) {
  const F32 learning_rate = F32::broadcast(step.learning_rate);
  const F32 l2 = F32::broadcast(step.l2);
  const F32 decay = F32::broadcast(step.learning_rate * step.decoupled);
  const F32 momentum = F32::broadcast(step.momentum);
  each_vector(n, [&](auto at) {
    const F32 p = at.load(parameter);
    F32 direction = mul_add(l2, p, at.load(gradient));
    if (velocity != nullptr) {
      const F32 v = mul_add(momentum, at.load(velocity), direction);
      at.store(velocity, v);
      direction = step.nesterov ? mul_add(momentum, v, direction) : v;
    }
    at.store(parameter, p - mul_add(decay, p, learning_rate * direction));
  });
}
