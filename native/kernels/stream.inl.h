// y = x with stores that bypass the caches, where the ISA has them: whole lines, and plain stores
// for the parts of lines at both ends. The result is seen by other threads after stream_fence.
inline void stream(const float* x, float* y, size_t n) {
  constexpr size_t kLine = 64 / sizeof(float);
  const size_t misaligned = reinterpret_cast<uintptr_t>(y) / sizeof(float) % kLine;
  size_t i = std::min(n, misaligned == 0 ? 0 : kLine - misaligned);
  std::memcpy(y, x, i * sizeof(float));
  for (; i + kLine <= n; i += kLine) {
    for (size_t k = 0; k < kLine; k += F32::kLanes) F32::load(x + i + k).stream(y + i + k);
  }
  std::memcpy(y + i, x + i, (n - i) * sizeof(float));
}
