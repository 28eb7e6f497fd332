#include "ops/losses.h"

#include "ops/parallel.h"
#include "ops/scratch.h"

namespace batchnorm {

Status apply_loss(LossKernel kernel, const float* x, const float* target, float parameter,
                  float factor, float* losses, float* gradient, size_t n, double* result) {
  // Pieces of fixed length, added in order: the same bits for any number of threads.
  constexpr size_t kPiece = 32 * 1024;
  const size_t pieces = (n + kPiece - 1) / kPiece;
  Scratch scratch;
  double* partial = scratch.get<double>(pieces);
  if (partial == nullptr) return Status::kOutOfMemory;
  auto task = [&](size_t index, size_t) {
    const size_t begin = index * kPiece;
    partial[index] = kernel(
        x + begin, target + begin, parameter, factor, losses == nullptr ? nullptr : losses + begin,
        gradient == nullptr ? nullptr : gradient + begin, std::min(kPiece, n - begin));
  };
  parallel_for(pieces, threads_for(n), task);
  *result = 0;
  for (size_t index = 0; index < pieces; index++) *result += partial[index];
  return Status::kOk;
}

}  // namespace batchnorm
