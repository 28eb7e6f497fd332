// y = 0 with probability p, else x * scale. The choice depends only on a key and the element's
// index, through the counter-based generator Threefry-2x32 with 20 rounds (Salmon et al., "Parallel
// random numbers: as easy as 1, 2, 3", 2011). The backward pass can therefore repeat it without a
// mask in memory, and all ISAs and numbers of threads agree.
//
// In each group of 32 elements, the first 16 use the first words of 16 consecutive counters, the
// other 16 the second words.

struct RandomWords {
  I32 first, second;
};

template <int kA, int kB, int kC, int kD>
void four_rounds(RandomWords& words) {
  words.first = words.first + words.second;
  words.second = rotate_left<kA>(words.second) ^ words.first;
  words.first = words.first + words.second;
  words.second = rotate_left<kB>(words.second) ^ words.first;
  words.first = words.first + words.second;
  words.second = rotate_left<kC>(words.second) ^ words.first;
  words.first = words.first + words.second;
  words.second = rotate_left<kD>(words.second) ^ words.first;
}

// The two random words of the counter (counter, 0).
inline RandomWords threefry(I32 counter, I32 key0, I32 key1) {
  const I32 key2 = key0 ^ key1 ^ broadcast_i32(0x1bd11bda);
  RandomWords words{counter + key0, key1};
  four_rounds<13, 15, 26, 6>(words);
  words = {words.first + key1, words.second + key2 + broadcast_i32(1)};
  four_rounds<17, 29, 16, 24>(words);
  words = {words.first + key2, words.second + key0 + broadcast_i32(2)};
  four_rounds<13, 15, 26, 6>(words);
  words = {words.first + key0, words.second + key1 + broadcast_i32(3)};
  four_rounds<17, 29, 16, 24>(words);
  words = {words.first + key1, words.second + key2 + broadcast_i32(4)};
  four_rounds<13, 15, 26, 6>(words);
  return {words.first + key2, words.second + key0 + broadcast_i32(5)};
}

inline void dropout(const float* x, float* y, size_t n, const Dropout& params) {
  constexpr size_t kGroup = kDropoutGroup;
  constexpr size_t kHalf = kGroup / 2;
  const I32 key0 = broadcast_i32(static_cast<int32_t>(params.key0));
  const I32 key1 = broadcast_i32(static_cast<int32_t>(params.key1));
  const F32 p = F32::broadcast(params.p);
  const F32 scale = F32::broadcast(params.scale);
  const auto kept = [=](I32 word, F32 value) {
    // The upper 24 bits as a number in [0, 1): a float32 holds exactly 24.
    const F32 uniform = to_f32(shift_right_logical<8>(word)) * F32::broadcast(1.0f / 16777216);
    return select(less(uniform, p), F32::zero(), value * scale);
  };
  const auto vector = [=](size_t i, I32 word) {
    if (i + F32::kLanes <= n) {
      kept(word, F32::load(x + i)).store(y + i);
    } else if (i < n) {
      kept(word, F32::load_first(x + i, n - i)).store_first(y + i, n - i);
    }
  };
  for (size_t group = 0; group < n; group += kGroup) {
    for (size_t i = 0; i < kHalf; i += F32::kLanes) {
      const size_t counter = (params.first + group) / 2 + i;
      const I32 counters = broadcast_i32(static_cast<int32_t>(counter)) + lane_index();
      const RandomWords words = threefry(counters, key0, key1);
      vector(group + i, words.first);
      vector(group + kHalf + i, words.second);
    }
  }
}
