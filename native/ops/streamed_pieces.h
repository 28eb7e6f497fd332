// Divides an array that is written from its beginning to its end into pieces, on several threads if
// it is large, and bypasses the caches if it is larger than they are.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "ops/parallel.h"
#include "ops/streaming.h"

namespace batchnorm {

// Floats that are computed at a time before they are streamed: 4 KiB, of which a kernel writes and
// the copy reads every line in the first-level cache. A multiple of kDropoutGroup and of every
// vector, so that pieces begin where they would without tiles.
constexpr size_t kStreamedTile = 1024;

// Calls function(begin, end, to) for pieces of 0 .. n, which must write the results from index
// `begin` on to `to`. That is their place in `out`, or a buffer that is then streamed there.
// `inputs` are the arrays of n floats that the function reads; a result that replaces one of them
// is not streamed, because its lines are in the cache already. Without `may_stream`, nothing is:
// where arithmetic takes longer than memory, plain stores take place during it, but streamed ones
// after.
template <class Function>
void write_pieces(const Kernels& kernels, bool may_stream,
                  std::initializer_list<const float*> inputs, float* out, size_t n,
                  const Function& function) {
  const size_t bytes = (inputs.size() + 1) * n * sizeof(float);
  bool streams = may_stream && worth_streaming(kernels, bytes);
  for (const float* input : inputs) streams = streams && input != out;
  if (!streams) {
    for_each_piece(n, [&](size_t begin, size_t end) { function(begin, end, out + begin); });
    return;
  }
  for_each_piece(n, [&](size_t begin, size_t end) {
    alignas(64) float tile[kStreamedTile];
    for (; begin < end; begin += kStreamedTile) {
      const size_t tile_end = std::min(end, begin + kStreamedTile);
      function(begin, tile_end, tile);
      kernels.stream(tile, out + begin, tile_end - begin);
    }
    kernels.stream_fence();
  });
}

}  // namespace batchnorm
