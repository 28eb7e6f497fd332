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

// Where `each_vector` is: a whole vector, or what is left at the end.
struct WholeVector {
  size_t first;
  F32 load(const float* p) const { return F32::load(p + first); }
  void store(float* p, F32 value) const { value.store(p + first); }
};
struct PartialVector {
  size_t first;
  size_t count;
  F32 load(const float* p) const { return F32::load_first(p + first, count); }
  void store(float* p, F32 value) const { value.store_first(p + first, count); }
};

// For functions of several arrays of n floats, some of which they change.
template <class Function>
void each_vector(size_t n, Function function) {
  size_t i = 0;
  for (; i + F32::kLanes <= n; i += F32::kLanes) function(WholeVector{i});
  if (i < n) function(PartialVector{i, n - i});
}

// function(at) gives the vector of results at a place; they go to y, a row of n floats.
//
// Rows of small planes begin anywhere. Stores that cross a line take twice as long, so all but the
// first and the last are aligned; and a store through a mask takes some processors longer than a
// short row, so these two are whole vectors that overlap their neighbours. Where two overlap, both
// are computed before either is stored, in case y is what function reads.
template <class Function>
void write_row(float* y, size_t n, Function function) {
  if (n < F32::kLanes) {
    if (n > 0) function(PartialVector{0, n}).store_first(y, n);
    return;
  }
  const F32 first = function(WholeVector{0});
  if (n < 2 * F32::kLanes) {
    const F32 last = function(WholeVector{n - F32::kLanes});
    first.store(y);
    last.store(y + n - F32::kLanes);
    return;
  }
  const size_t misaligned = reinterpret_cast<uintptr_t>(y) / sizeof(float) % F32::kLanes;
  size_t i = F32::kLanes - misaligned;
  F32 body = function(WholeVector{i});
  first.store(y);
  for (; i + 2 * F32::kLanes <= n; i += F32::kLanes) {
    const F32 following = function(WholeVector{i + F32::kLanes});
    body.store(y + i);
    body = following;
  }
  const F32 last = function(WholeVector{n - F32::kLanes});
  body.store(y + i);
  last.store(y + n - F32::kLanes);
}
