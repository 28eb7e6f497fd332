// Twelve chains: more than latency times throughput of any current processor, and with the factors fewer
// than sixteen registers. Included once for each vector width, with Vector defined accordingly.
BENCH_TARGET size_t run_chains(size_t steps) {
  constexpr size_t kChains = 12;
  const Vector factor = broadcast(0.999f);
  const Vector summand = broadcast(0.001f);
  Vector chains[kChains];
  for (size_t i = 0; i < kChains; i++) chains[i] = broadcast(static_cast<float>(i));
  for (size_t step = 0; step < steps; step++) {
#pragma GCC unroll 12
    for (size_t i = 0; i < kChains; i++) chains[i] = mul_add(chains[i], factor, summand);
  }
  float total = 0;
  for (size_t i = 0; i < kChains; i++) total += first(chains[i]);
  g_result = total;
  return steps * kChains * sizeof(Vector) / sizeof(float);
}
