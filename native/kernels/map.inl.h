// Element-wise loops over whole vectors and a partial one at the end.

template <class Function>
void map(const float* x, float* y, size_t n, Function function) {
  size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) function(F32::load(x + i)).store(y + i);
  if (i < n) function(F32::load_first(x + i, n - i)).store_first(y + i, n - i);
}

template <class Function>
void map(const float* a, const float* b, float* out, size_t n, Function function) {
  size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) {
    function(F32::load(a + i), F32::load(b + i)).store(out + i);
  }
  if (i < n) {
    function(F32::load_first(a + i, n - i), F32::load_first(b + i, n - i))
        .store_first(out + i, n - i);
  }
}
