#include "ops/losses.h"

#include "ops/parallel.h"
#include "ops/scratch.h"

namespace batchnorm {

namespace {

// Adds kernel(begin, length) of pieces of fixed length in order: the same bits for any number of
// threads.
template <class Kernel>
Status sum_pieces(size_t n, double* result, const Kernel& kernel) {
  constexpr size_t kPiece = 32 * 1024;
  const size_t pieces = (n + kPiece - 1) / kPiece;
  Scratch scratch;
  double* partial = scratch.get<double>(pieces);
  if (partial == nullptr) return Status::kOutOfMemory;
  auto task = [&](size_t index, size_t) {
    const size_t begin = index * kPiece;
    partial[index] = kernel(begin, std::min(kPiece, n - begin));
  };
  parallel_for(pieces, threads_for(n), task);
  *result = 0;
  for (size_t index = 0; index < pieces; index++) *result += partial[index];
  return Status::kOk;
}

float* from(float* array, size_t begin) { return array == nullptr ? nullptr : array + begin; }

}  // namespace

Status apply_loss(LossKernel kernel, const float* x, const float* target, float parameter,
                  float factor, float* losses, float* gradient, size_t n, double* result) {
  return sum_pieces(n, result, [&](size_t begin, size_t length) {
    return kernel(x + begin, target + begin, parameter, factor, from(losses, begin),
                  from(gradient, begin), length);
  });
}

Status apply_weighted_loss(WeightedLossKernel kernel, const float* x, const float* target,
                           const float* weight, float factor, float* losses, float* gradient,
                           size_t n, double* result) {
  return sum_pieces(n, result, [&](size_t begin, size_t length) {
    return kernel(x + begin, target + begin, weight + begin, factor, from(losses, begin),
                  from(gradient, begin), length);
  });
}

}  // namespace batchnorm
