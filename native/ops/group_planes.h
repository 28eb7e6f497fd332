// Walks the planes of a group norm in batches that one kernel call takes.
#pragma once

#include <algorithm>
#include <cstddef>

#include "ops/group_norm.h"

namespace batchnorm {

// The row and the parameter of consecutive planes, without a division for each.
struct PlaneIndex {
  PlaneIndex(const GroupShape& shape, size_t plane)
      : row(plane / shape.channels),
        parameter(plane % shape.parameters()),
        channels(shape.channels),
        parameters(shape.parameters()),
        channel(plane % shape.channels) {}

  void next() {
    if (++parameter == parameters) parameter = 0;
    if (++channel < channels) return;
    channel = 0;
    row++;
  }

  size_t row, parameter;
  size_t channels, parameters;
  size_t channel;  // of the row
};

// Calls apply(offset, first plane, block) for the elements [begin, end) of the tensor: runs of
// whole planes, at most kMaxChannels each, and parts of planes at both ends. The planes of all
// images and channels are numbered in memory order.
template <class Apply>
void for_each_plane_batch(size_t plane, size_t begin, size_t end, const Apply& apply) {
  while (begin < end) {
    const size_t within = begin % plane;
    const size_t whole = within == 0 ? (end - begin) / plane : 0;
    const size_t count = std::clamp<size_t>(whole, 1, kMaxChannels);
    const size_t length = whole > 0 ? plane : std::min(plane - within, end - begin);
    apply(begin, begin / plane, Block{1, count, length, 0, plane});
    begin += whole > 0 ? count * plane : length;
  }
}

}  // namespace batchnorm
