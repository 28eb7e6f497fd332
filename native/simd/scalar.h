// One float as a vector of one lane: the reference for what each member means, and what runs where
// no better ISA is known. Included inside the namespace of an ISA, after every system header.

struct Mask {
  bool lanes;
};

struct I32 {
  int32_t lanes;
};

struct F32 {
  static constexpr size_t kLanes = 1;
  static constexpr size_t kRegisters = 16;  // that hold such vectors
  float lanes;

  static F32 zero() { return {0.0f}; }
  static F32 broadcast(float value) { return {value}; }
  static F32 load(const float* p) { return {*p}; }
  // The first n floats, 0 < n < kLanes, the other lanes zero; reads nothing behind them.
  static F32 load_first(const float*, size_t) { return zero(); }
  void store(float* p) const { *p = lanes; }
  void store_first(float*, size_t) const {}
  // To an aligned address, past the caches where the ISA can (kStreams), else as any store.
  static constexpr bool kStreams = false;
  void stream(float* p) const { store(p); }
};

// The same, but loaded once: g++ would rather load what has three uses three times.
inline F32 in_register(F32 a) { return a; }

inline F32 operator+(F32 a, F32 b) { return {a.lanes + b.lanes}; }
inline F32 operator-(F32 a, F32 b) { return {a.lanes - b.lanes}; }
inline F32 operator*(F32 a, F32 b) { return {a.lanes * b.lanes}; }
inline F32 operator/(F32 a, F32 b) { return {a.lanes / b.lanes}; }
inline F32 sqrt(F32 a) { return {std::sqrt(a.lanes)}; }

// a*b + c and c - a*b: one rounding where the ISA fuses, two here, since std::fma without hardware
// is a library call some fifty times slower.
inline F32 mul_add(F32 a, F32 b, F32 c) { return {a.lanes * b.lanes + c.lanes}; }
inline F32 negative_mul_add(F32 a, F32 b, F32 c) { return {c.lanes - a.lanes * b.lanes}; }

// Makes streamed stores visible before later ones.
inline void stream_fence() {}

// The larger and the smaller; b where b is NaN.
inline F32 max(F32 a, F32 b) { return {a.lanes > b.lanes ? a.lanes : b.lanes}; }
inline F32 min(F32 a, F32 b) { return {a.lanes < b.lanes ? a.lanes : b.lanes}; }

inline Mask less(F32 a, F32 b) { return {a.lanes < b.lanes}; }
inline Mask less_equal(F32 a, F32 b) { return {a.lanes <= b.lanes}; }
inline F32 select(Mask mask, F32 yes, F32 no) { return mask.lanes ? yes : no; }
// Lanes below n from a, the others from b.
inline F32 keep_first(F32 a, size_t n, F32 b) { return n > 0 ? a : b; }

inline I32 bits(F32 a) {
  I32 result;
  std::memcpy(&result.lanes, &a.lanes, sizeof result.lanes);
  return result;
}
inline F32 from_bits(I32 a) {
  F32 result;
  std::memcpy(&result.lanes, &a.lanes, sizeof result.lanes);
  return result;
}
inline I32 broadcast_i32(int32_t value) { return {value}; }
// Integer lanes wrap around, as in the vector ISAs; through unsigned, where C++ defines it.
inline I32 operator+(I32 a, I32 b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) + static_cast<uint32_t>(b.lanes))};
}
inline I32 operator-(I32 a, I32 b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) - static_cast<uint32_t>(b.lanes))};
}
inline I32 operator&(I32 a, I32 b) { return {a.lanes & b.lanes}; }
inline I32 operator^(I32 a, I32 b) { return {a.lanes ^ b.lanes}; }
// 0, 1, 2 ... in the order of memory.
inline I32 lane_index() { return {0}; }
template <int kBits>
I32 shift_left(I32 a) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) << kBits)};
}
template <int kBits>
I32 shift_right(I32 a) {  // arithmetic: keeps the sign
  return {a.lanes >> kBits};
}
template <int kBits>
I32 shift_right_logical(I32 a) {  // zeros come in
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) >> kBits)};
}
template <int kBits>
I32 rotate_left(I32 a) {
  const uint32_t bits = static_cast<uint32_t>(a.lanes);
  return {static_cast<int32_t>(bits << kBits | bits >> (32 - kBits))};
}
// Integers of small magnitude as floats.
inline F32 to_f32(I32 a) { return {static_cast<float>(a.lanes)}; }

// Of the 2 * kLanes floats a0 a1 ... b0 b1 ...: those at even and at odd places.
inline F32 even_lanes(F32 a, F32) { return a; }
inline F32 odd_lanes(F32, F32 b) { return b; }
// The first and the second half of a0 b0 a1 b1 ...
inline F32 interleave_low(F32 a, F32) { return a; }
inline F32 interleave_high(F32, F32 b) { return b; }

inline float max_lane(F32 a) { return a.lanes; }

// Float lanes added up in double.
struct F64Sum {
  double lanes;

  static F64Sum zero() { return {0.0}; }
  void add(F32 a) { lanes += static_cast<double>(a.lanes); }
  double total() const { return lanes; }
};

// Float lanes added up in double, each on its own.
struct F64Lanes {
  double lanes;

  static F64Lanes zero() { return {0.0}; }
  static F64Lanes load(const double* p) { return {*p}; }
  void add(F32 a) { lanes += static_cast<double>(a.lanes); }
  // All kLanes of them.
  void store(double* p) const { *p = lanes; }
};
