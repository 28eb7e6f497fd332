// Fills the rows of a band of patches. Masked loads supply the zeros beside the image, so a row
// costs one load and one store per vector and no branch. Stores are not masked, because a
// load after a masked store waits until its values are in the cache. What they write past the end
// of a row is overwritten by the next one, or falls into the slack after the last.

// Bits of the first n lanes, n <= 16.
constexpr uint32_t first_bits(size_t n) { return (1u << n) - 1u; }

// Bits of the lanes among the first n for which 0 <= start + lane < width.
inline uint32_t bits_inside(ptrdiff_t start, size_t width, size_t n) {
  const ptrdiff_t lanes = static_cast<ptrdiff_t>(n);
  const auto limited = [&](ptrdiff_t lane) {
    return static_cast<size_t>(lane < 0 ? 0 : lane < lanes ? lane : lanes);
  };
  return first_bits(limited(static_cast<ptrdiff_t>(width) - start)) & ~first_bits(limited(-start));
}

// In whole vectors.
template <class V>
inline void clear_floats(float* to, size_t n) {
  for (size_t i = 0; i < n; i += V::kLanes) V::zero().store(to + i);
}

// One channel whose rows are as long as those of the image and fill a vector together: all of its
// pixels are one line, in which the zeros beside the image recur.
template <class V>
inline void fill_joined_rows(const PatchRows& rows, const float* x, float* to) {
  uint32_t inside = bits_inside(rows.first, rows.width, rows.count);
  for (size_t filled = rows.count; filled < V::kLanes; filled *= 2) inside |= inside << filled;
  if (inside == 0) return clear_floats<V>(to, rows.rows * rows.count);
  const size_t n = rows.rows * rows.count;
  for (size_t i = 0; i < n; i += V::kLanes) {
    const size_t rest = n - i < V::kLanes ? n - i : V::kLanes;
    const float* const from = x + rows.first + static_cast<ptrdiff_t>(i);
    V::load_masked(from, V::mask_of(first_bits(rest) & inside)).store(to + i);
  }
}

// One channel, for strides 1 and 2.
template <class V>
inline void fill_rows(const PatchRows& rows, const float* x, float* to, float* other) {
  for (size_t vector = 0; vector < rows.count; vector += V::kLanes) {
    // The last vector of a row ends with the row, so it may overlap the one before.
    const size_t last = rows.count < V::kLanes ? 0 : rows.count - V::kLanes;
    const size_t i = vector < last ? vector : last;
    const ptrdiff_t start = rows.first + static_cast<ptrdiff_t>(i * rows.stride);
    const size_t read = rows.stride == 1 && rows.count < V::kLanes ? rows.count : V::kLanes;
    const ptrdiff_t lanes = static_cast<ptrdiff_t>(V::kLanes);
    const uint32_t low_bits = bits_inside(start, rows.width, read);
    const uint32_t high_bits = bits_inside(start + lanes, rows.width, V::kLanes);
    const Mask low = V::mask_of(low_bits), high = V::mask_of(high_bits);
    // Nothing is read where both masks are empty, and such a start may be too far for a pointer.
    const float* from = (low_bits | high_bits) == 0 ? x : x + start;
    float* line = to + i;
    if (rows.stride == 1) {
      for (size_t row = 0; row < rows.rows; row++, from += rows.x_row, line += rows.count) {
        V::load_masked(from, low).store(line);
      }
      continue;
    }
    float* line_of_other = other == nullptr ? nullptr : other + i;
    for (size_t row = 0; row < rows.rows; row++, from += rows.x_row) {
      const V first = V::load_masked(from, low), second = V::load_masked(from + lanes, high);
      even_lanes(first, second).store(line);
      line += rows.count;
      if (other == nullptr) continue;
      odd_lanes(first, second).store(line_of_other);
      line_of_other += rows.count;
    }
  }
}

template <class V>
void fill_patch_rows(const PatchRows& rows) {
  const bool joined = rows.stride == 1 && rows.x_row == rows.count && rows.width == rows.count &&
                      rows.count < V::kLanes && V::kLanes % rows.count == 0;
  const size_t above = rows.above * rows.count;
  const size_t inside = rows.rows * rows.count;
  const float* x = rows.x;
  for (size_t channel = 0; channel < rows.channels; channel++, x += rows.x_channel) {
    float* const to = rows.to + channel * rows.to_channel;
    float* const other = rows.other == nullptr ? nullptr : rows.other + channel * rows.to_channel;
    clear_floats<V>(to, above);
    if (other != nullptr) clear_floats<V>(other, above);
    if (joined) {
      fill_joined_rows<V>(rows, x, to + above);
    } else {
      fill_rows<V>(rows, x, to + above, other == nullptr ? nullptr : other + above);
    }
    clear_floats<V>(to + above + inside, rows.below * rows.count);
    if (other != nullptr) clear_floats<V>(other + above + inside, rows.below * rows.count);
  }
}

// Null without masks: ops/line_copy.h serves these ISAs.
template <class V>
constexpr auto patch_rows_kernel() -> void (*)(const PatchRows&) {
  if constexpr (V::kMasks) {
    return fill_patch_rows<V>;
  } else {
    return nullptr;
  }
}
