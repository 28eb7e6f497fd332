// The tests of the vector layer, written once: included inside the namespace and the target region
// of each ISA, where F32, I32 and F64Sum are those of the ISA. Each member is compared, lane by
// lane, with its documentation in simd/scalar.h.

constexpr size_t kWidth = F32::kLanes;

struct Lanes {
  float values[16] = {};
};

inline Lanes lanes_of(F32 v) {
  Lanes result;
  v.store(result.values);
  return result;
}

inline F32 vector_of(const float* values) { return F32::load(values); }

// Distinct values with both signs and fractions.
inline void sample(float* a, float* b, float* c) {
  for (size_t i = 0; i < kWidth; i++) {
    a[i] = 1.5f * static_cast<float>(i) - 3.25f;
    b[i] = 7.0f - 2.0f * static_cast<float>(i);
    c[i] = 0.125f * static_cast<float>(i * i) + 0.5f;
  }
}

TEST_CASE("load and store: any alignment, no write out of bounds") {
  for (size_t misalignment = 0; misalignment < 8; misalignment++) {
    support::Guarded from(kWidth, misalignment);
    support::Guarded to(kWidth, misalignment + 1);
    for (size_t i = 0; i < kWidth; i++) from[i] = static_cast<float>(i) + 0.5f;
    F32::load(from.data()).store(to.data());
    for (size_t i = 0; i < kWidth; i++) CHECK(to[i] == from[i]);
    CHECK(to.guards_intact());
  }
}

TEST_CASE("load_first: reads n lanes, sets the others to zero") {
  for (size_t n = 1; n < kWidth; n++) {
    support::Guarded from(n, 3);
    for (size_t i = 0; i < n; i++) from[i] = static_cast<float>(i) + 1.0f;
    const Lanes got = lanes_of(F32::load_first(from.data(), n));
    for (size_t i = 0; i < kWidth; i++) CHECK(got.values[i] == (i < n ? from[i] : 0.0f));
  }
}

TEST_CASE("store_first: writes n lanes and nothing after them") {
  for (size_t n = 1; n < kWidth; n++) {
    support::Guarded to(n, 1);
    F32::broadcast(2.5f).store_first(to.data(), n);
    for (size_t i = 0; i < n; i++) CHECK(to[i] == 2.5f);
    CHECK(to.guards_intact());
  }
}

TEST_CASE("zero and broadcast") {
  for (size_t i = 0; i < kWidth; i++) {
    CHECK(lanes_of(F32::zero()).values[i] == 0.0f);
    CHECK(lanes_of(F32::broadcast(-3.75f)).values[i] == -3.75f);
  }
}

TEST_CASE("arithmetic: + - * / and sqrt") {
  float a[kWidth], b[kWidth], c[kWidth];
  sample(a, b, c);
  const F32 va = vector_of(a), vb = vector_of(b), vc = vector_of(c);
  for (size_t i = 0; i < kWidth; i++) {
    CHECK(lanes_of(va + vb).values[i] == a[i] + b[i]);
    CHECK(lanes_of(va - vb).values[i] == a[i] - b[i]);
    CHECK(lanes_of(va * vb).values[i] == a[i] * b[i]);
    CHECK(lanes_of(va / vc).values[i] == a[i] / c[i]);
    CHECK(lanes_of(sqrt(vc)).values[i] == std::sqrt(c[i]));
  }
}

TEST_CASE("mul_add and negative_mul_add: one rounding if the ISA has fused multiply-add") {
  float a[kWidth], b[kWidth], c[kWidth];
  sample(a, b, c);
  for (size_t i = 0; i < kWidth; i++) {
    // These products and sums are exact, so fused and unfused results agree.
    CHECK(lanes_of(mul_add(vector_of(a), vector_of(b), vector_of(c))).values[i] ==
          a[i] * b[i] + c[i]);
    CHECK(lanes_of(negative_mul_add(vector_of(a), vector_of(b), vector_of(c))).values[i] ==
          c[i] - a[i] * b[i]);
  }
  // (1 + 2^-23)^2 - (1 + 2^-22) = 2^-46, which only a fused operation computes.
  const float e = 1.0f + 1.1920929e-07f;
  const Lanes got = lanes_of(
      mul_add(F32::broadcast(e), F32::broadcast(e), F32::broadcast(-(1.0f + 2.3841858e-07f))));
  CHECK(got.values[0] == (kFuses ? 1.4210855e-14f : 0.0f));
}

TEST_CASE("max and min: return the second argument if either is NaN") {
  float a[kWidth], b[kWidth], c[kWidth];
  sample(a, b, c);
  const F32 nan = F32::broadcast(std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < kWidth; i++) {
    CHECK(lanes_of(max(vector_of(a), vector_of(b))).values[i] == (a[i] > b[i] ? a[i] : b[i]));
    CHECK(lanes_of(min(vector_of(a), vector_of(b))).values[i] == (a[i] < b[i] ? a[i] : b[i]));
    CHECK(lanes_of(max(nan, vector_of(a))).values[i] == a[i]);
    CHECK(std::isnan(lanes_of(max(vector_of(a), nan)).values[i]));
    CHECK(lanes_of(min(nan, vector_of(a))).values[i] == a[i]);
    CHECK(std::isnan(lanes_of(min(vector_of(a), nan)).values[i]));
  }
}

TEST_CASE("less, less_equal and select: false for NaN") {
  float a[kWidth], b[kWidth], c[kWidth];
  sample(a, b, c);
  const F32 one = F32::broadcast(1.0f), two = F32::broadcast(2.0f);
  const F32 nan = F32::broadcast(std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < kWidth; i++) {
    CHECK(lanes_of(select(less(vector_of(a), vector_of(b)), one, two)).values[i] ==
          (a[i] < b[i] ? 1.0f : 2.0f));
    CHECK(lanes_of(select(less_equal(vector_of(a), vector_of(a)), one, two)).values[i] == 1.0f);
    CHECK(lanes_of(select(less(vector_of(a), vector_of(a)), one, two)).values[i] == 2.0f);
    CHECK(lanes_of(select(less(nan, one), one, two)).values[i] == 2.0f);
    CHECK(lanes_of(select(less_equal(one, nan), one, two)).values[i] == 2.0f);
  }
}

TEST_CASE("keep_first: takes lanes below n from the first argument") {
  for (size_t n = 0; n <= kWidth; n++) {
    const Lanes got = lanes_of(keep_first(F32::broadcast(1.0f), n, F32::broadcast(2.0f)));
    for (size_t i = 0; i < kWidth; i++) CHECK(got.values[i] == (i < n ? 1.0f : 2.0f));
  }
}

TEST_CASE("integer lanes: bits, arithmetic, shifts, conversion") {
  const F32 value = F32::broadcast(-6.5f);  // 0xc0d00000
  CHECK(lanes_of(from_bits(bits(value))).values[0] == -6.5f);
  const I32 five = broadcast_i32(5), minus_nine = broadcast_i32(-9);
  CHECK(lanes_of(to_f32(five + minus_nine)).values[0] == -4.0f);
  CHECK(lanes_of(to_f32(five - minus_nine)).values[0] == 14.0f);
  CHECK(lanes_of(to_f32(five & broadcast_i32(4))).values[0] == 4.0f);
  CHECK(lanes_of(to_f32(shift_left<3>(minus_nine))).values[0] == -72.0f);
  CHECK(lanes_of(to_f32(shift_right<1>(minus_nine))).values[0] == -5.0f);
  // Wraps around; exp relies on this for NaN.
  const I32 largest = broadcast_i32(std::numeric_limits<int32_t>::max());
  CHECK(lanes_of(to_f32(largest + broadcast_i32(1))).values[0] == -2147483648.0f);
}

TEST_CASE("integer lanes: exclusive or, logical shift, rotation, lane_index") {
  const I32 minus_nine = broadcast_i32(-9);  // 0xfffffff7
  CHECK(lanes_of(to_f32(minus_nine ^ broadcast_i32(-1))).values[0] == 8.0f);
  CHECK(lanes_of(to_f32(shift_right_logical<28>(minus_nine))).values[kWidth - 1] == 15.0f);
  CHECK(lanes_of(to_f32(rotate_left<4>(minus_nine))).values[kWidth - 1] == -129.0f);
  CHECK(lanes_of(to_f32(rotate_left<17>(broadcast_i32(1 << 15)))).values[0] == 1.0f);
  const Lanes places = lanes_of(to_f32(lane_index()));
  for (size_t i = 0; i < kWidth; i++) CHECK(places.values[i] == static_cast<float>(i));
}

TEST_CASE("even_lanes and odd_lanes: memory order; interleave is the inverse") {
  float values[2 * kWidth];
  for (size_t i = 0; i < 2 * kWidth; i++) values[i] = static_cast<float>(i) + 0.5f;
  const F32 a = vector_of(values), b = vector_of(values + kWidth);
  const F32 even = even_lanes(a, b), odd = odd_lanes(a, b);
  for (size_t i = 0; i < kWidth; i++) {
    CHECK(lanes_of(even).values[i] == values[2 * i]);
    CHECK(lanes_of(odd).values[i] == values[2 * i + 1]);
    CHECK(lanes_of(interleave_low(even, odd)).values[i] == values[i]);
    CHECK(lanes_of(interleave_high(even, odd)).values[i] == values[kWidth + i]);
  }
}

TEST_CASE("in_register: leaves the lanes unchanged") {
  float values[kWidth];
  for (size_t i = 0; i < kWidth; i++) values[i] = static_cast<float>(i) - 2.5f;
  for (size_t i = 0; i < kWidth; i++) {
    CHECK(lanes_of(in_register(vector_of(values))).values[i] == values[i]);
  }
}

TEST_CASE("max_lane: the largest value, in any lane") {
  for (size_t place = 0; place < kWidth; place++) {
    float values[kWidth];
    for (size_t i = 0; i < kWidth; i++) values[i] = -static_cast<float>(i) - 1.0f;
    values[place] = 3.5f;
    CHECK(max_lane(vector_of(values)) == 3.5f);
  }
}

TEST_CASE("F64Sum: adds lanes without float32 rounding") {
  float values[kWidth];
  double expected = 0;
  for (size_t i = 0; i < kWidth; i++) {
    values[i] = i == 0 ? 16777216.0f : 0.5f;
    expected += 2.0 * static_cast<double>(values[i]);
  }
  F64Sum sum = F64Sum::zero();
  sum.add(vector_of(values));
  sum.add(vector_of(values));
  CHECK(sum.total() == expected);
}

TEST_CASE("F64Lanes: adds each lane separately, without float32 rounding") {
  float values[kWidth];
  for (size_t i = 0; i < kWidth; i++) values[i] = i % 2 == 0 ? 16777216.0f : 0.5f;
  F64Lanes sums = F64Lanes::zero();
  sums.add(vector_of(values));
  sums.add(F32::broadcast(0.25f));
  double got[kWidth];
  sums.store(got);
  for (size_t i = 0; i < kWidth; i++) CHECK(got[i] == static_cast<double>(values[i]) + 0.25);
  F64Lanes again = F64Lanes::load(got);
  again.add(F32::broadcast(-0.125f));
  again.store(got);
  for (size_t i = 0; i < kWidth; i++) CHECK(got[i] == static_cast<double>(values[i]) + 0.125);
}
