// dfdx 0.10's Sgd in one pass over a parameter p with gradient g and velocity v:
//   g += l2 * p;  v = momentum * v + g;  step = lr * (v, or g + momentum * v for Nesterov, or g)
//   p -= step + lr * decoupled * p
struct SgdLanes {
  F32 learning_rate, l2, decay, momentum;
  bool nesterov;

  F32 decayed(F32 p, F32 g) const { return mul_add(l2, p, g); }
  F32 moved(F32 p, F32 direction) const { return p - mul_add(decay, p, learning_rate * direction); }
  F32 velocity(F32 v, F32 g) const { return mul_add(momentum, v, g); }
  F32 direction(F32 v, F32 g) const { return nesterov ? mul_add(momentum, v, g) : v; }
};

inline void sgd_step(float* parameter, const float* gradient, float* velocity, size_t n,
                     const SgdStep& step) {
  const SgdLanes sgd = {F32::broadcast(step.learning_rate), F32::broadcast(step.l2),
                        F32::broadcast(step.learning_rate * step.decoupled),
                        F32::broadcast(step.momentum), step.nesterov};
  for (size_t i = 0; i < n; i += F32::kLanes) {
    const size_t count = std::min(n - i, F32::kLanes);
    const bool whole = count == F32::kLanes;
    const F32 p = whole ? F32::load(parameter + i) : F32::load_first(parameter + i, count);
    F32 g = whole ? F32::load(gradient + i) : F32::load_first(gradient + i, count);
    g = sgd.decayed(p, g);
    if (velocity != nullptr) {
      const F32 before = whole ? F32::load(velocity + i) : F32::load_first(velocity + i, count);
      const F32 v = sgd.velocity(before, g);
      if (whole) {
        v.store(velocity + i);
      } else {
        v.store_first(velocity + i, count);
      }
      g = sgd.direction(v, g);
    }
    const F32 result = sgd.moved(p, g);
    if (whole) {
      result.store(parameter + i);
    } else {
      result.store_first(parameter + i, count);
    }
  }
}
