// dfdx 0.10's Adam (Kingma and Ba, 2015) in one pass over a parameter p with gradient g, first
// moment m and second moment v. The corrections remove the bias of moments that start at zero:
//   g += l2 * p;  m += (1 - beta1) * (g - m);  v += (1 - beta2) * (g^2 - v)
//   p -= lr * (m * correction1 / (sqrt(v * correction2) + epsilon) + decoupled * p)
// AMSGrad (Reddi et al., 2018) replaces v in the last line by its largest value so far, as PyTorch
// does: the correction applies to the maximum.

inline void adam_step(float* parameter, const float* gradient, float* moment1, float* moment2,
                      float* max_moment2, size_t n, const AdamStep& step) {
  const F32 learning_rate = F32::broadcast(step.learning_rate);
  const F32 beta1 = F32::broadcast(step.beta1);
  const F32 beta2 = F32::broadcast(step.beta2);
  const F32 weight1 = F32::broadcast(step.weight1);
  const F32 weight2 = F32::broadcast(step.weight2);
  const F32 correction1 = F32::broadcast(step.correction1);
  const F32 correction2 = F32::broadcast(step.correction2);
  const F32 epsilon = F32::broadcast(step.epsilon);
  const F32 l2 = F32::broadcast(step.l2);
  const F32 decay = F32::broadcast(step.learning_rate * step.decoupled);
  each_vector(n, [&](auto at) {
    const F32 p = at.load(parameter);
    const F32 g = mul_add(l2, p, at.load(gradient));
    const F32 m = mul_add(beta1, at.load(moment1), weight1 * g);
    F32 v = mul_add(beta2, at.load(moment2), weight2 * (g * g));
    at.store(moment1, m);
    at.store(moment2, v);
    if (max_moment2 != nullptr) {
      // In this order a NaN in v stays.
      v = max(at.load(max_moment2), v);
      at.store(max_moment2, v);
    }
    const F32 direction = (m * correction1) / (sqrt(v * correction2) + epsilon);
    at.store(parameter, p - mul_add(decay, p, learning_rate * direction));
  });
}
