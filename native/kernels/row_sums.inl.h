// Sums of a quantity and of its products over the rows of neighboring channels: the loop that
// shifted_moments and affine_gradient_sums share.
//
// Each float addition is off by up to 2^-24 of the running sum, in the worst case always in the
// same direction (a large term followed by many of just over half its last bit). A lane therefore
// takes at most kAdditions + 1 terms; two more additions join the four accumulators, and the result
// is added to doubles. Including the rounding of a deviation and of its square, the relative error
// of a sum is at most 13 * 2^-24 = 7.8e-7 for any data.
constexpr size_t kAdditions = 8;

// 4 independent accumulators: 1 addition per cycle × 4 cycles of latency.
constexpr size_t kAccumulators = 4;

constexpr size_t kStep = kAccumulators * F32::kLanes;

struct LanePair {
  F32 sum, products;

  static LanePair zero() { return {F32::zero(), F32::zero()}; }
};

inline LanePair operator+(LanePair a, LanePair b) {
  return {a.sum + b.sum, a.products + b.products};
}

struct WidePair {
  F64Sum sum, products;

  static WidePair zero() { return {F64Sum::zero(), F64Sum::zero()}; }
  void add(LanePair lanes) {
    sum.add(lanes.sum);
    products.add(lanes.products);
  }
};

// Prefetches into the first-level cache, which is much larger than kPrefetchFloats.
//
// Force-inlined, as is every function that only calls it: g++ treats a function that only
// prefetches as free of effects and drops the calls.
BATCHNORM_INLINE void prefetch_line(const float* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 3);
#else
  (void)p;
#endif
}

// Into the second-level cache.
BATCHNORM_INLINE void prefetch_line_to_l2(const float* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 2);
#else
  (void)p;
#endif
}

// The sums of four consecutive vectors.
struct PairAccumulators {
  LanePair lanes0, lanes1, lanes2, lanes3;

  // No default member initializers: g++ compiles an implicit constructor for the baseline ISA, even
  // inside an ISA's target region, and calls it.
  static PairAccumulators zero() {
    return {LanePair::zero(), LanePair::zero(), LanePair::zero(), LanePair::zero()};
  }

  // Adds `steps` steps of four vectors, and prefetches as much data beginning at `ahead`.
  template <class Row>
  BATCHNORM_INLINE void add_steps(const Row& row, size_t offset, size_t steps, ptrdiff_t ahead) {
    for (size_t step = 0; step < steps; step++) {
      for (size_t line = 0; line < kStep; line += 16) {
        row.prefetch(ahead + static_cast<ptrdiff_t>(line));
      }
      row.add(offset, lanes0);
      row.add(offset + F32::kLanes, lanes1);
      row.add(offset + 2 * F32::kLanes, lanes2);
      row.add(offset + 3 * F32::kLanes, lanes3);
      offset += kStep;
      ahead += static_cast<ptrdiff_t>(kStep);
    }
  }

  // Adds `rest` whole vectors and, if not 0, the first `tail` floats of another. Prefetches the
  // same amount; a loop for that takes longer than the additions.
  template <class Row>
  BATCHNORM_INLINE void add_rest(const Row& row, size_t offset, size_t rest, size_t tail,
                                 ptrdiff_t ahead) {
    constexpr size_t kLanes = F32::kLanes;
    if (rest > 0) {
      row.prefetch(ahead);
      row.add(offset, lanes0);
    }
    if (rest > 1) {
      if constexpr (kLanes % 16 == 0) row.prefetch(ahead + static_cast<ptrdiff_t>(kLanes));
      row.add(offset + kLanes, lanes1);
    }
    if (rest > 2) {
      if constexpr (2 * kLanes % 16 == 0) row.prefetch(ahead + static_cast<ptrdiff_t>(2 * kLanes));
      row.add(offset + 2 * kLanes, lanes2);
    }
    if (tail > 0) {
      row.prefetch(ahead + static_cast<ptrdiff_t>(rest * kLanes));
      row.add_first(offset + rest * kLanes, tail, lanes3);
    }
  }

  LanePair total() const { return (lanes0 + lanes1) + (lanes2 + lanes3); }
};

// Prefetch distance in floats, over all tensors together. Software prefetches are needed because
// the hardware prefetchers stop at the end of a small plane and at every jump to the next image.
constexpr size_t kPrefetchFloats = 3072;

// The addresses to prefetch while rows of `together` images are summed channel by channel.
class ReadAhead {
 public:
  ReadAhead(const Block& block, size_t together, size_t distance)
      : block_(block),
        together_(together),
        within_(std::min(distance, block.length)),
        channels_(1) {
    if (within_ == block.length) {
      const size_t floats = block.length * together;
      channels_ = (distance + floats - 1) / floats;
    }
  }

  // Offset from a row to the row that is prefetched at its end, or all along it if rows are shorter
  // than the prefetch distance.
  BATCHNORM_INLINE ptrdiff_t to_row(size_t image, size_t channel) const {
    const ptrdiff_t here = static_cast<ptrdiff_t>(channel * block_.channel_stride);
    if (channel + channels_ < block_.channels) {
      return static_cast<ptrdiff_t>(channels_ * block_.channel_stride);
    }
    const size_t wrapped = channel + channels_ - block_.channels;
    const ptrdiff_t there = static_cast<ptrdiff_t>(wrapped * block_.channel_stride);
    if (image + together_ < block_.images) {
      return static_cast<ptrdiff_t>(together_ * block_.image_stride) + there - here;
    }
    const size_t to_last = (block_.images - 1 - image) * block_.image_stride;
    return static_cast<ptrdiff_t>(to_last) + block_.next + there - here;
  }

  // Offset from the start of a row to the address that is prefetched at `place` in it.
  BATCHNORM_INLINE ptrdiff_t at(size_t place, ptrdiff_t to_row) const {
    const size_t there = place + within_;
    if (there < block_.length) return static_cast<ptrdiff_t>(there);
    return to_row + static_cast<ptrdiff_t>(there - block_.length);
  }

 private:
  const Block& block_;
  size_t together_;
  size_t within_;    // floats ahead in the same row
  size_t channels_;  // rows ahead
};

// Short rows of a few images share accumulators; otherwise the accumulators would be reduced once
// per row.
template <bool kPieces, class Terms>
void row_sums_with(const Block& block, const Terms& terms, ChannelSums* out) {
  constexpr size_t kPiece = kAdditions * kStep;
  const size_t steps = block.length / kStep;
  const size_t rest_vectors = block.length % kStep / F32::kLanes;
  const size_t tail = block.length % F32::kLanes;
  // Whole pieces before the last.
  const size_t pieces = kPieces && steps > 0 ? (steps - 1) / kAdditions : 0;
  const size_t last_steps = steps - pieces * kAdditions;
  // A variable, because g++ unrolls a loop of known length until it runs out of registers.
  const size_t piece_steps = std::min(steps, kAdditions);
  const size_t additions = last_steps + (rest_vectors > 0 || tail > 0);
  // Images that are a multiple of 4096 bytes apart share one set of the first-level cache, so the
  // rows that are summed together must fit its 8 ways.
  constexpr size_t kRowsTogether = 8 / Terms::kTensors;
  const size_t together =
      pieces > 0
          ? 1
          : std::clamp<size_t>(kAdditions / std::max<size_t>(1, additions), 1, kRowsTogether);
  const ReadAhead read_ahead(block, together, kPrefetchFloats / Terms::kTensors);

  WidePair wide[kMaxChannels];
  for (size_t channel = 0; channel < block.channels; channel++) wide[channel] = WidePair::zero();
  for (size_t image = 0; image < block.images; image += together) {
    const size_t rows = std::min(together, block.images - image);
    for (size_t channel = 0; channel < block.channels; channel++) {
      const auto row = terms.row(channel);
      const ptrdiff_t to_row = read_ahead.to_row(image, channel);
      size_t start = image * block.image_stride + channel * block.channel_stride;
      for (size_t piece = 0; piece < pieces; piece++) {
        PairAccumulators sums = PairAccumulators::zero();
        sums.add_steps(row, start + piece * kPiece, piece_steps,
                       static_cast<ptrdiff_t>(start) + read_ahead.at(piece * kPiece, to_row));
        wide[channel].add(sums.total());
      }
      const size_t last = pieces * kPiece;
      const size_t rest = last + last_steps * kStep;
      const ptrdiff_t last_ahead = read_ahead.at(last, to_row);
      PairAccumulators sums = PairAccumulators::zero();
      for (size_t each = 0; each < rows; each++, start += block.image_stride) {
        const ptrdiff_t ahead = static_cast<ptrdiff_t>(start) + last_ahead;
        sums.add_steps(row, start + last, last_steps, ahead);
        sums.add_rest(row, start + rest, rest_vectors, tail,
                      ahead + static_cast<ptrdiff_t>(rest - last));
      }
      wide[channel].add(sums.total());
    }
  }
  for (size_t channel = 0; channel < block.channels; channel++) {
    out[channel] = {wide[channel].sum.total(), wide[channel].products.total()};
  }
}

// Terms provides row(channel), which has add(offset, LanePair&) for a whole vector and
// add_first(offset, n, LanePair&) for 0 < n < kLanes floats. Rows are visited in memory order:
// image by image, channel by channel.
template <class Terms>
void row_sums(const Block& block, const Terms& terms, ChannelSums* out) {
  // A separate function for rows of at most one piece: without the loop over pieces, more values
  // stay in registers.
  if (block.length / kStep <= kAdditions) {
    row_sums_with<false>(block, terms, out);
  } else {
    row_sums_with<true>(block, terms, out);
  }
}
