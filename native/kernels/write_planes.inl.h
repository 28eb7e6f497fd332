// Writes a block in which every element is a function of its channel's constants: the loop that
// normalize and input_gradient share.
//
// Neighboring whole planes form one run in memory. Runs are written in aligned vectors (whole
// cache lines when streaming), no matter where planes begin: a vector that spans two channels is
// computed with the constants of both. A store across a cache line takes twice as long, a masked
// store longer than a whole 7x7 plane, and a cache line that is streamed partially is read first;
// with runs, this happens only at their two ends.

// Prefetch distance within a run. The loop count of a plane is mispredicted at its end; without a
// prefetch, memory would be idle until the processor has recovered.
constexpr size_t kWritePrefetchFloats = 2048;

// Values provides of(channel), which has at(offset) for a vector of results; at_first(offset, n),
// 0 < n < kLanes, of which only the first n lanes are used; and prefetch(offset).
template <bool kStreaming, class Values>
struct RunWriter {
  static constexpr size_t kAligned = kStreaming ? 64 / sizeof(float) : F32::kLanes;

  const Values& values;
  float* y;
  size_t channels;
  size_t length;  // of a channel; at least kLanes if there are several

  // Less than one vector, through a masked store.
  void write_part(size_t i, size_t n) const {
    const size_t channel = i / length;
    const size_t own = (channel + 1) * length - i;
    F32 result = values.of(channel).at_first(i, n);
    if (own < n) result = keep_first(result, own, values.of(channel + 1).at_first(i, n));
    result.store_first(y + i, n);
  }
  // Less than kAligned floats.
  void write_parts(size_t i, size_t end) const {
    if constexpr (kAligned > F32::kLanes) {
      const size_t whole = i + (end - i) / F32::kLanes * F32::kLanes;
      write_vectors<false>(i, whole);
      i = whole;
    }
    if (i < end) write_part(i, end - i);
  }

  template <bool kStream>
  static void store(F32 result, float* p) {
    if constexpr (kStream) {
      result.stream(p);
    } else {
      result.store(p);
    }
  }

  // Whole vectors from i to end.
  template <bool kStream>
  void write_vectors(size_t i, size_t end) const {
    if (i >= end) return;
    // Copied, because for the compiler a store of a vector may change every member.
    float* const to = y;
    const size_t size = length;
    const Values source = values;
    for (size_t channel = i / size; i < end; channel++) {
      const auto own = source.of(channel);
      const size_t border = (channel + 1) * size;
      const size_t whole = std::min(border, end);
      // Loads come before the stores because y may alias the input.
      for (; i + 4 * F32::kLanes <= whole; i += 4 * F32::kLanes) {
        if constexpr (kStream) {
          for (size_t line = 0; line < 4 * F32::kLanes; line += 16) {
            own.prefetch(std::min(i + kWritePrefetchFloats + line, end));
          }
        }
        const F32 result0 = own.at(i);
        const F32 result1 = own.at(i + F32::kLanes);
        const F32 result2 = own.at(i + 2 * F32::kLanes);
        const F32 result3 = own.at(i + 3 * F32::kLanes);
        store<kStream>(result0, to + i);
        store<kStream>(result1, to + i + F32::kLanes);
        store<kStream>(result2, to + i + 2 * F32::kLanes);
        store<kStream>(result3, to + i + 3 * F32::kLanes);
      }
      for (; i + F32::kLanes <= whole; i += F32::kLanes) store<kStream>(own.at(i), to + i);
      if (i < whole) {
        store<kStream>(keep_first(own.at(i), border - i, source.of(channel + 1).at(i)), to + i);
        i += F32::kLanes;
      }
    }
  }

  void write() const {
    const size_t total = channels * length;
    const size_t misaligned = reinterpret_cast<uintptr_t>(y) / sizeof(float) % kAligned;
    const size_t head = std::min(total, (kAligned - misaligned) % kAligned);
    const size_t tail = head + (total - head) / kAligned * kAligned;
    write_parts(0, head);
    write_vectors<kStreaming>(head, tail);
    write_parts(tail, total);
  }
};

// make(offset, channel, following) returns the Values of the run that begins there; the next run
// begins `following` floats later.
template <bool kStreaming, class Make>
void write_runs(float* y, const Block& block, const Make& make) {
  const bool together = block.length == block.channel_stride && block.length >= F32::kLanes;
  const size_t channels = together ? block.channels : 1;
  for (size_t image = 0; image < block.images; image++) {
    for (size_t channel = 0; channel < block.channels; channel += channels) {
      const size_t start = image * block.image_stride + channel * block.channel_stride;
      const size_t following = channel + channels < block.channels
                                   ? channels * block.channel_stride
                                   : block.image_stride - channel * block.channel_stride;
      const auto values = make(start, channel, following);
      RunWriter<kStreaming, decltype(values)>{values, y + start, channels, block.length}.write();
    }
  }
}

template <class Make>
void write_planes(float* y, const Block& block, bool streaming, const Make& make) {
  if (streaming && F32::kStreams) {
    write_runs<F32::kStreams>(y, block, make);
  } else {
    write_runs<false>(y, block, make);
  }
}
