// y = 0 with probability p, else x * scale. Which elements are kept follows from a key and their
// places alone, by Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3", 2011): the backward pass finds them again without a mask in memory, and any ISA and
// any number of threads find the same.
//
// Of 32 neighbouring elements, the first 16 take the first words of 16 neighbouring counters, the
// others the second words.

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

// Of the counter (counter, 0).
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

inline void dropout(const float* x, float* y, size_t n, const Dropout& by) {
  constexpr size_t kGroup = kDropoutGroup;
  constexpr size_t kHalf = kGroup / 2;
  const I32 key0 = broadcast_i32(static_cast<int32_t>(by.key0));
  const I32 key1 = broadcast_i32(static_cast<int32_t>(by.key1));
  const F32 p = F32::broadcast(by.p);
  const F32 scale = F32::broadcast(by.scale);
  const auto kept = [=](I32 word, F32 value) {
    // The upper 24 bits, as a number in [0, 1).
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
      const size_t counter = (by.first + group) / 2 + i;
      const I32 counters = broadcast_i32(static_cast<int32_t>(counter)) + lane_index();
      const RandomWords words = threefry(counters, key0, key1);
      vector(group + i, words.first);
      vector(group + kHalf + i, words.second);
    }
  }
}
