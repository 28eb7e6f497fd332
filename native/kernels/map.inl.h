// Element-wise loops over arrays of any length: whole vectors, then one partial vector.

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

// The position that each_vector passes to its function: a whole vector, or the partial one at the
// end. of() calls a function that depends on the position as well as on a value: at(offset, value)
// or at_first(offset, n, value).
struct WholeVector {
  size_t first;
  void prefetch(const float*) const {}
  F32 load(const float* p) const { return F32::load(p + first); }
  void store(float* p, F32 value) const { value.store(p + first); }
  template <class Function>
  F32 of(const Function& function, F32 value) const {
    return function.at(first, value);
  }
};
// A whole vector whose result bypasses the caches.
struct StreamedVector : WholeVector {
  static constexpr size_t kAhead = 2048;
  void prefetch(const float* p) const { prefetch_line(p + first + kAhead); }
  void store(float* p, F32 value) const { value.stream(p + first); }
};
struct PartialVector {
  size_t first;
  size_t count;
  void prefetch(const float*) const {}
  F32 load(const float* p) const { return F32::load_first(p + first, count); }
  void store(float* p, F32 value) const { value.store_first(p + first, count); }
  template <class Function>
  F32 of(const Function& function, F32 value) const {
    return function.at_first(first, count, value);
  }
};

// Calls function(position) for each vector of n floats. For functions that read or write several
// arrays.
template <class Function>
void each_vector(size_t n, Function function) {
  size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) function(WholeVector{i});
  if (i < n) function(PartialVector{i, n - i});
}

// The same for whole cache lines, if `streams`, and for any n otherwise.
template <class Function>
void each_vector(size_t n, bool streams, Function function) {
  if (!streams) return each_vector(n, function);
  for (size_t i = 0; i < n; i += F32::kLanes) function(StreamedVector{i});
}
