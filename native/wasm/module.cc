// The exports of the WebAssembly module. lib/backend/wasm/ is their only user.
#include <cstdlib>

#include "binding/exports.h"
#include "dispatch.h"
#include "system/thread_pool.h"
#include "wasm/threads.h"

namespace {

using batchnorm::Arguments;
using batchnorm::Exports;

Exports operations;
double values[Arguments::kMax];
const char* problem;

// Kernels take about twice as long as those for AVX2, so fewer elements pay for waking a thread.
constexpr size_t kElementsPerThread = 128 * 1024;

}  // namespace

#define BATCHNORM_EXPORT(name) extern "C" __attribute__((export_name(name)))

// Runs the constructors of global variables. Calling it here keeps the linker from calling it at
// the beginning of every export, on every thread.
extern "C" void __wasm_call_ctors();

// Fills the table and returns the number of operations. Called once, after the first instantiation.
BATCHNORM_EXPORT("initialize") size_t initialize(size_t usable_cpus) {
  batchnorm::set_usable_cpus(usable_cpus);
  __wasm_call_ctors();
  batchnorm::set_thread_count(1);
  batchnorm::set_elements_per_thread(kElementsPerThread);
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
  if (!batchnorm::threads_are_intact()) __builtin_trap();
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

BATCHNORM_EXPORT("threads") size_t threads() { return batchnorm::thread_count(); }

BATCHNORM_EXPORT("setThreads") void set_threads(size_t count) {
  batchnorm::set_thread_count(count);
}

// The body of a worker, after it has set its stack pointer.
BATCHNORM_EXPORT("runThread") void run_thread(size_t number) { batchnorm::run_thread(number); }

// Called by a worker whose runThread has trapped.
BATCHNORM_EXPORT("threadHasTrapped") void thread_has_trapped() { batchnorm::thread_has_trapped(); }

// Called when a worker has ended.
BATCHNORM_EXPORT("freeStack") void free_stack(size_t number, void* stack) {
  batchnorm::free_stack(number, stack);
}

// For tests: threads take part in smaller operations, are known to be awake, and end earlier.
BATCHNORM_EXPORT("setElementsPerThread") void set_elements_per_thread(size_t elements) {
  batchnorm::set_elements_per_thread(elements);
}
BATCHNORM_EXPORT("awakeThreads") size_t awake_threads() { return batchnorm::awake_threads(); }
BATCHNORM_EXPORT("setIdleMilliseconds") void set_idle_milliseconds(double duration) {
  batchnorm::set_idle_nanoseconds(static_cast<long long>(duration * 1e6));
}
