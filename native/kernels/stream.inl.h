// y = x, bypassing the caches. x and y do not overlap.

inline void stream(const float* x, float* y, size_t n) {
  // Whole cache lines, because a line that is streamed in part is read first.
  constexpr size_t kLine = 64 / sizeof(float);
  const size_t first = reinterpret_cast<uintptr_t>(y) / sizeof(float) % kLine;
  const size_t before = std::min(n, (kLine - first) % kLine);
  const auto same = [](F32 value) { return value; };
  map(x, y, before, same);
  size_t i = before;
  for (; i + kLine <= n; i += kLine) {
    for (size_t lane = 0; lane < kLine; lane += F32::kLanes) {
      F32::load(x + i + lane).stream(y + i + lane);
    }
  }
  map(x + i, y + i, n - i, same);
}
