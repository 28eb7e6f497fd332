// dfdx 0.10's RMSprop in one pass over a parameter p with gradient g, mean square s (initially
// one), momentum m and, if centered, mean gradient a. As in TensorFlow and unlike PyTorch, epsilon
// is inside the square root:
//   g += l2 * p;  s += (1 - alpha) * (g^2 - s);  a += (1 - alpha) * (g - a)
//   g /= sqrt(s - a^2 + epsilon);  m = momentum * m + g
//   p -= lr * (m, or g without momentum) + lr * decoupled * p

inline void rmsprop_step(float* parameter, const float* gradient, float* mean_square,
                         float* velocity, float* mean_gradient, size_t n, const RmspropStep& step) {
  const F32 learning_rate = F32::broadcast(step.learning_rate);
  const F32 weight = F32::broadcast(step.weight);
  const F32 epsilon = F32::broadcast(step.epsilon);
  const F32 momentum = F32::broadcast(step.momentum);
  const F32 l2 = F32::broadcast(step.l2);
  const F32 decay = F32::broadcast(step.learning_rate * step.decoupled);
  each_vector(n, [&](auto at) {
    const F32 p = at.load(parameter);
    const F32 g = mul_add(l2, p, at.load(gradient));
    const F32 s0 = at.load(mean_square);
    const F32 s = mul_add(weight, g * g - s0, s0);
    at.store(mean_square, s);
    F32 variance = s;
    if (mean_gradient != nullptr) {
      const F32 a0 = at.load(mean_gradient);
      const F32 a = mul_add(weight, g - a0, a0);
      at.store(mean_gradient, a);
      // Rounding may make the difference negative, and its root NaN.
      variance = max(F32::zero(), negative_mul_add(a, a, s));
    }
    F32 direction = g / sqrt(variance + epsilon);
    if (velocity != nullptr) {
      direction = mul_add(momentum, at.load(velocity), direction);
      at.store(velocity, direction);
    }
    at.store(parameter, p - mul_add(decay, p, learning_rate * direction));
  });
}
