// Writing a block whose every element is a function of its channel's constants.
//
// Neighbouring whole planes are one run in memory, and runs are written in whole aligned vectors
// (whole cache lines where they go past the caches), even where planes begin anywhere within a
// line: a vector across a border is computed with the constants of both channels. Stores that cross
// a line take twice as long, stores through a mask longer than a 7x7 plane, and a line that is
// written partly past the caches is read first; here both happen at the two ends of a run only.

// Of what is read, within a run: at the end of a plane the processor guesses wrong how often the
// loop runs, and memory would wait until it is back.
constexpr size_t kAheadOfWriting = 2048;

// Values provides of(channel), and that at(offset) and at_first(offset, n), 0 < n < kLanes: vectors
// of results, or the first lanes of one; and ask(offset): it will be read soon. What at_first gives
// for the other lanes is not used.
template <bool kStreaming, class Values>
struct RunWriter {
  const Values& values;
  float* y;
  size_t channels;
  size_t length;  // of a channel; kLanes or more where there are several

  // At most one vector, anywhere, stored through a mask.
  void write_part(size_t i, size_t n) const {
    const size_t channel = i / length;
    const size_t own = (channel + 1) * length - i;
    F32 result = values.of(channel).at_first(i, n);
    if (own < n) result = keep_first(result, own, values.of(channel + 1).at_first(i, n));
    result.store_first(y + i, n);
  }
  void write_parts(size_t i, size_t end) const {
    for (; i < end; i += F32::kLanes) {
      const size_t n = std::min(F32::kLanes, end - i);
      if (n == F32::kLanes) {
        write_vectors<false>(i, i + n);
      } else {
        write_part(i, n);
      }
    }
  }

  template <bool kPastCaches>
  static void store(F32 result, float* p) {
    if constexpr (kPastCaches) {
      result.stream(p);
    } else {
      result.store(p);
    }
  }

  // Whole vectors from i to end.
  template <bool kPastCaches>
  void write_vectors(size_t i, size_t end) const {
    if (i >= end) return;
    for (size_t channel = i / length; i < end; channel++) {
      const auto own = values.of(channel);
      const size_t border = (channel + 1) * length;
      const size_t whole = std::min(border, end);
      // Before the store, since y may be what is read.
      for (; i + 4 * F32::kLanes <= whole; i += 4 * F32::kLanes) {
        if constexpr (kPastCaches) {
          for (size_t line = 0; line < 4 * F32::kLanes; line += 16) {
            own.ask(std::min(i + kAheadOfWriting + line, end));
          }
        }
        const F32 result0 = own.at(i);
        const F32 result1 = own.at(i + F32::kLanes);
        const F32 result2 = own.at(i + 2 * F32::kLanes);
        const F32 result3 = own.at(i + 3 * F32::kLanes);
        store<kPastCaches>(result0, y + i);
        store<kPastCaches>(result1, y + i + F32::kLanes);
        store<kPastCaches>(result2, y + i + 2 * F32::kLanes);
        store<kPastCaches>(result3, y + i + 3 * F32::kLanes);
      }
      for (; i + F32::kLanes <= whole; i += F32::kLanes) store<kPastCaches>(own.at(i), y + i);
      if (i < whole) {
        store<kPastCaches>(keep_first(own.at(i), border - i, values.of(channel + 1).at(i)), y + i);
        i += F32::kLanes;
      }
    }
  }

  void write() const {
    constexpr size_t kAligned = kStreaming ? 64 / sizeof(float) : F32::kLanes;
    const size_t total = channels * length;
    const size_t misaligned = reinterpret_cast<uintptr_t>(y) / sizeof(float) % kAligned;
    const size_t head = std::min(total, (kAligned - misaligned) % kAligned);
    const size_t tail = head + (total - head) / kAligned * kAligned;
    write_parts(0, head);
    write_vectors<kStreaming>(head, tail);
    write_parts(tail, total);
  }
};

// make(offset, channel, following) gives the Values of a run that begins there; the next one begins
// `following` floats behind it.
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
