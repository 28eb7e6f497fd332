// Reading of a call's arguments, with the checks that memory safety needs and no others: what the
// numbers mean is checked in TypeScript, which also words the errors that users see.
//
// No JavaScript runs between the first read and the end of a kernel, so no array can be detached or
// shrunk in between.
//
// A WebAssembly module reads them from its memory instead (wasm/arguments.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "ops/status.h"

#if defined(__wasm__)
#include "wasm/arguments.h"
#else
#include <napi.h>

#include "plan/planned_arguments.h"

namespace batchnorm {

// The result of a call; null is undefined, or nothing if an exception is pending.
using Result = napi_value;

class Arguments;

// An operation that plans can call: it reads its arguments and returns null.
struct PlannedOperation {
  const char* name;
  Result (*run)(Arguments&);
};

struct PlanChannel;

// The state of each JavaScript environment (the main thread, a worker).
struct AddonData {
  static constexpr size_t kMaxOperations = 128;

  const Kernels* kernels;
  PlannedOperation operations[kMaxOperations];
  size_t operation_count;
  // Made by the first asynchronous call of a plan.
  PlanChannel* channel;
};

// A Float32Array or a Float64Array.
struct FloatValues {
  uint8_t* data = nullptr;
  size_t length = 0;
  size_t bytes = 0;  // per element
  napi_value array = nullptr;
};

class Arguments {
 public:
  // The maximum number of arguments.
  static constexpr size_t kMax = 24;

  // The first `count` arguments of a function that export_function has made; missing ones are
  // undefined.
  Arguments(napi_env env, napi_callback_info info, size_t count);
  // The arguments of an operation in a plan. There is no environment, and failures are not thrown.
  Arguments(const Kernels& kernels, const PlannedArguments& planned);
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  // Each call reads the next argument. The structs of binding/signatures.h, which is generated from
  // lib/backend/signatures.js, are the only callers that name operations' arguments.

  // The data of a Float32Array that holds at least `needed` floats.
  float* floats(const char* name, size_t needed);
  // The same, or null where the argument is null.
  float* floats_or_null(const char* name, size_t needed);
  // The same if `given`; otherwise null, and the argument is ignored.
  float* floats_when(bool given, const char* name, size_t needed);
  float* floats_or_null_when(bool given, const char* name, size_t needed);
  // The data of a Float64Array that holds at least `needed` doubles.
  double* doubles(const char* name, size_t needed);
  // The data of a Float32Array or Float64Array.
  FloatValues values(const char* name);
  // A whole number below 2^48.
  size_t size(const char* name);
  double number(const char* name);
  bool boolean(const char* name);
  // A string as a null-terminated one; false if it is none or too long.
  bool text(char* buffer, size_t capacity);

  // Any value.
  napi_value value() { return next(); }

  // False once a read or the operation has failed; a JavaScript exception is then pending unless
  // this is a plan, and what was read must not be used.
  bool ok() const { return ok_; }

  Napi::Env env() const { return env_; }
  const Kernels& kernels() const { return *kernels_; }
  AddonData& data() { return *data_; }

  // Returns undefined, or throws if the status is an error.
  Result finish(Status status);
  Result result(double number) const { return Napi::Number::New(env_, number); }
  // Throws a RangeError: sizes contradict each other or exceed what the operation can address.
  void fail_shape(const char* message);
  // Whether the failure of an operation in a plan was a lack of memory.
  bool out_of_memory() const { return out_of_memory_; }

 private:
  napi_value next() { return next_ < kMax ? values_[next_++] : nullptr; }
  void* read_array(const char* name, napi_typedarray_type type, size_t needed, bool nullable);
  void* null_or_fail(napi_value value, const char* name, napi_typedarray_type type, size_t needed,
                     bool nullable);
  double next_number();
  float* planned_floats(size_t needed, bool nullable);
  void skip_array();
  void fail(napi_value value, const char* name, const char* expected);

  napi_env env_;
  PlannedArguments planned_ = {};
  napi_value values_[kMax];
  size_t next_ = 0;
  AddonData* data_ = nullptr;
  const Kernels* kernels_ = nullptr;
  bool ok_ = true;
  bool out_of_memory_ = false;
};

}  // namespace batchnorm
#endif

namespace batchnorm {

// a * b, or a size that no array has if that overflows.
inline size_t product(size_t a, size_t b) {
  // Usual sizes do without the division: a call of batch norm would need six of them.
  constexpr size_t kSmall = size_t{1} << (sizeof(size_t) * 4 - 1);
  if (a < kSmall && b < kSmall) return a * b;
  return b != 0 && a > SIZE_MAX / sizeof(float) / b ? SIZE_MAX / sizeof(float) : a * b;
}

}  // namespace batchnorm
