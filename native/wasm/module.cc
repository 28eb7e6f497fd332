// The exports of the WebAssembly module. lib/backend/wasm/ is their only user.
#include <cstdlib>

#include "binding/exports.h"
#include "dispatch.h"

namespace {

using batchnorm::Arguments;
using batchnorm::Exports;

// Zero-initialized: the module has no constructors to run.
Exports operations;
double values[Arguments::kMax];
const char* problem;

}  // namespace

#define BATCHNORM_EXPORT(name) extern "C" __attribute__((export_name(name)))

// Fills the table and returns the number of operations. Called once, after instantiation.
BATCHNORM_EXPORT("initialize") size_t initialize() {
  batchnorm::export_batch_norm(operations);
  batchnorm::export_elementwise(operations);
  batchnorm::export_reductions(operations);
  batchnorm::export_losses(operations);
  batchnorm::export_pool(operations);
  batchnorm::export_matmul(operations);
  batchnorm::export_convolution(operations);
  batchnorm::export_optimizers(operations);
  batchnorm::export_strided_copy(operations);
  batchnorm::export_group_norm(operations);
  batchnorm::export_axis_reductions(operations);
  return operations.count();
}

// The name of an operation, terminated by a zero byte.
BATCHNORM_EXPORT("operationName") const char* operation_name(size_t index) {
  return operations[index].name;
}

// Where JavaScript writes the arguments of a call and finds a result, in the first place.
BATCHNORM_EXPORT("callArguments") double* call_arguments() { return values; }

// Runs an operation on the arguments in call_arguments().
BATCHNORM_EXPORT("call") int32_t call(size_t index) {
  Arguments arguments(values, batchnorm::best_kernels());
  operations[index].run(arguments);
  problem = arguments.problem();
  return static_cast<int32_t>(arguments.outcome());
}

// The message if the last call ended with Outcome::kWrongShape.
BATCHNORM_EXPORT("shapeProblem") const char* shape_problem() { return problem; }

// Memory for a tensor or for the copy of an array, aligned to a cache line; null if there is none.
BATCHNORM_EXPORT("allocate") void* allocate(size_t bytes) {
  constexpr size_t kLine = 64;
  if (bytes > SIZE_MAX - 2 * kLine) return nullptr;
  return std::aligned_alloc(kLine, (bytes + kLine - 1) / kLine * kLine);
}

BATCHNORM_EXPORT("release") void release(void* memory) { std::free(memory); }
