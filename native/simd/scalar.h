// The vector layer of the scalar ISA: vectors of one float. This file documents every member for
// all ISAs and runs on processors for which there is no faster one. Included inside the namespace
// of the ISA, after every system header.

struct Mask {
  bool lanes;
};

struct I32 {
  int32_t lanes;
};

struct F32 {
  static constexpr size_t kLanes = 1;
  static constexpr size_t kRegisters = 16;  // vector registers of the ISA
  float lanes;

  static F32 zero() { return {0.0f}; }
  static F32 broadcast(float value) { return {value}; }
  static F32 load(const float* p) { return {*p}; }
  // Loads only the first n floats, 0 < n < kLanes; the other lanes are zero.
  static F32 load_first(const float*, size_t) { return zero(); }
  void store(float* p) const { *p = lanes; }
  void store_first(float*, size_t) const {}
  // Whether masked loads and stores cost no more than whole ones. Such an ISA also has
  // mask_of(bits), with lane i where bit i is set, load_masked(p, mask) and store_masked(p, mask).
  // Nothing is read or written for the lanes outside a mask; they are loaded as zero.
  static constexpr bool kMasks = false;
  // Stores to an aligned address, bypassing the caches if the ISA can (kStreams).
  static constexpr bool kStreams = false;
  void stream(float* p) const { store(p); }
};

// Returns `a` unchanged, but forces it into a register: otherwise g++ loads a value again from
// memory for each of its uses.
inline F32 in_register(F32 a) { return a; }

inline F32 operator+(F32 a, F32 b) { return {a.lanes + b.lanes}; }
inline F32 operator-(F32 a, F32 b) { return {a.lanes - b.lanes}; }
inline F32 operator*(F32 a, F32 b) { return {a.lanes * b.lanes}; }
inline F32 operator/(F32 a, F32 b) { return {a.lanes / b.lanes}; }
inline F32 sqrt(F32 a) { return {std::sqrt(a.lanes)}; }

// a*b + c and c - a*b. Rounded once on ISAs with fused multiply-add, twice here, because std::fma
// without hardware support is a library call about fifty times slower.
inline F32 mul_add(F32 a, F32 b, F32 c) { return {a.lanes * b.lanes + c.lanes}; }
inline F32 negative_mul_add(F32 a, F32 b, F32 c) { return {c.lanes - a.lanes * b.lanes}; }

// Makes streamed stores visible before later ones.
inline void stream_fence() {}

// The larger and the smaller value; b if either is NaN.
inline F32 max(F32 a, F32 b) { return {a.lanes > b.lanes ? a.lanes : b.lanes}; }
inline F32 min(F32 a, F32 b) { return {a.lanes < b.lanes ? a.lanes : b.lanes}; }

inline Mask less(F32 a, F32 b) { return {a.lanes < b.lanes}; }
inline Mask less_equal(F32 a, F32 b) { return {a.lanes <= b.lanes}; }
inline F32 select(Mask mask, F32 yes, F32 no) { return mask.lanes ? yes : no; }
// Takes lanes below n from a, the others from b.
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
// Integer lanes wrap around, as in the vector ISAs. Computed unsigned, because signed overflow is
// undefined in C++.
inline I32 operator+(I32 a, I32 b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) + static_cast<uint32_t>(b.lanes))};
}
inline I32 operator-(I32 a, I32 b) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) - static_cast<uint32_t>(b.lanes))};
}
inline I32 operator&(I32 a, I32 b) { return {a.lanes & b.lanes}; }
inline I32 operator^(I32 a, I32 b) { return {a.lanes ^ b.lanes}; }
// 0, 1, 2 ... in memory order.
inline I32 lane_index() { return {0}; }
template <int kBits>
I32 shift_left(I32 a) {
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) << kBits)};
}
template <int kBits>
I32 shift_right(I32 a) {  // arithmetic: fills with the sign bit
  return {a.lanes >> kBits};
}
template <int kBits>
I32 shift_right_logical(I32 a) {  // fills with zeros
  return {static_cast<int32_t>(static_cast<uint32_t>(a.lanes) >> kBits)};
}
template <int kBits>
I32 rotate_left(I32 a) {
  const uint32_t bits = static_cast<uint32_t>(a.lanes);
  return {static_cast<int32_t>(bits << kBits | bits >> (32 - kBits))};
}
// Converts integers to floats; exact up to 2^24.
inline F32 to_f32(I32 a) { return {static_cast<float>(a.lanes)}; }

// The floats at even and at odd indices of a0 a1 ... b0 b1 ...
inline F32 even_lanes(F32 a, F32) { return a; }
inline F32 odd_lanes(F32, F32 b) { return b; }
// The first and the second half of a0 b0 a1 b1 ...
inline F32 interleave_low(F32 a, F32) { return a; }
inline F32 interleave_high(F32, F32 b) { return b; }

inline float max_lane(F32 a) { return a.lanes; }

// The sum of all float lanes, in double.
struct F64Sum {
  double lanes;

  static F64Sum zero() { return {0.0}; }
  void add(F32 a) { lanes += static_cast<double>(a.lanes); }
  double total() const { return lanes; }
};

// A sum in double for each float lane.
struct F64Lanes {
  double lanes;

  static F64Lanes zero() { return {0.0}; }
  static F64Lanes load(const double* p) { return {*p}; }
  void add(F32 a) { lanes += static_cast<double>(a.lanes); }
  // Stores kLanes doubles.
  void store(double* p) const { *p = lanes; }
};
