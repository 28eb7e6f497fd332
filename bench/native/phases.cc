#include "phases.h"

#include <algorithm>

#include "dispatch.h"
#include "floors.h"
#include "ops/channel_passes.h"
#include "ops/streaming.h"
#include "system/thread_pool.h"

namespace bench {

namespace {

constexpr size_t kPiece = 1024;  // floats of a tensor that are prefetched together

// Only once: CPUID exits a virtual machine.
const batchnorm::Kernels& kKernels = batchnorm::best_kernels();
const FloorLoop kRead = read_loops()[0];
const std::vector<FloorLoop> kCopies = copy_loops();  // regular, then streaming
const std::vector<FloorLoop> kTriads = triad_loops();

}  // namespace

void two_phases(const batchnorm::ImageShape& shape, size_t threads, const float* x, const float* dy,
                float* y) {
  const size_t tensors = dy == nullptr ? 2 : 3;
  const size_t bytes = tensors * sizeof(float);
  const bool streaming = batchnorm::worth_streaming(kKernels, shape.elements() * bytes);
  const FloorLoop& write = (dy == nullptr ? kCopies : kTriads)[streaming ? 1 : 0];

  // As batch_norm_training and batch_norm_backward divide their channels.
  const size_t streamed = streaming && dy == nullptr ? sizeof(float) : 0;
  const size_t group = batchnorm::channel_group_size(shape, bytes, streamed, threads);
  const size_t groups = (shape.channels + group - 1) / group;
  const size_t tasks = threads == 1 ? 1 : std::min(groups, threads * 4);
  auto task = [&](size_t index, size_t) {
    for (size_t each = groups * index / tasks; each < groups * (index + 1) / tasks; each++) {
      const size_t channels = std::min(group, shape.channels - each * group);
      auto for_runs = [&](auto function) {
        for (size_t image = 0; image < shape.images; image++) {
          const size_t begin = (image * shape.channels + each * group) * shape.plane;
          function(begin, begin + channels * shape.plane);
        }
      };
      // Piece by piece with the next piece prefetched, as in the kernels: the hardware prefetchers stop at the end
      // of a run.
      size_t pending_begin = 0;
      size_t pending_end = 0;
      auto read_pending = [&] {
        kRead.run(x, nullptr, nullptr, pending_begin, pending_end);
        if (dy != nullptr) kRead.run(dy, nullptr, nullptr, pending_begin, pending_end);
      };
      for_runs([&](size_t begin, size_t end) {
        for (size_t piece = begin; piece < end; piece += kPiece) {
          const size_t piece_end = std::min(end, piece + kPiece);
          for (size_t i = piece; i < piece_end; i += 16) {
            __builtin_prefetch(x + i);
            if (dy != nullptr) __builtin_prefetch(dy + i);
          }
          read_pending();
          pending_begin = piece;
          pending_end = piece_end;
        }
      });
      read_pending();
      for_runs([&](size_t begin, size_t end) { write.run(x, dy, y, begin, end); });
    }
    kKernels.stream_fence();
  };
  batchnorm::parallel_for(tasks, threads, task);
}

}  // namespace bench
