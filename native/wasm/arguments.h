// Reading of a call's arguments in the WebAssembly module. JavaScript has checked them as
// binding/arguments.cc does (lib/backend/portable/checked.ts), has copied arrays of other buffers
// into the module's memory, and has written each argument as a double: numbers and booleans
// themselves, arrays as their addresses, null as 0.
#pragma once

#include <cstddef>
#include <cstdint>

#include "binding/arguments.h"
#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

// How a call ended; lib/backend/wasm/ knows these numbers.
enum class Outcome : int32_t { kOk = 0, kOutOfMemory = 1, kWrongShape = 2 };

// Of interest to the caller is only what the arguments have recorded.
using Result = const void*;

class Arguments {
 public:
  static constexpr size_t kMax = 24;

  Arguments(double* values, const Kernels& kernels) : values_(values), kernels_(kernels) {}
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  float* floats(const char*, size_t) { return static_cast<float*>(address()); }
  float* floats_or_null(const char*, size_t) { return static_cast<float*>(address()); }
  float* floats_when(bool given, const char*, size_t) { return given_floats(given); }
  float* floats_or_null_when(bool given, const char*, size_t) { return given_floats(given); }
  double* doubles(const char*, size_t) { return static_cast<double*>(address()); }
  size_t size(const char*) { return static_cast<size_t>(next()); }
  double number(const char*) { return next(); }
  bool boolean(const char*) { return next() != 0; }

  bool ok() const { return true; }

  const Kernels& kernels() const { return kernels_; }
  Outcome outcome() const { return outcome_; }
  // The message of fail_shape().
  const char* problem() const { return problem_; }

  Result finish(Status status) {
    if (status == Status::kOutOfMemory) outcome_ = Outcome::kOutOfMemory;
    return nullptr;
  }
  // The result takes the place of the first argument.
  Result result(double number) {
    values_[0] = number;
    return nullptr;
  }
  void fail_shape(const char* message) {
    outcome_ = Outcome::kWrongShape;
    problem_ = message;
  }

 private:
  double next() { return values_[next_++]; }
  void* address() { return reinterpret_cast<void*>(static_cast<uintptr_t>(next())); }
  float* given_floats(bool given) {
    float* const floats = static_cast<float*>(address());
    return given ? floats : nullptr;
  }

  double* values_;
  const Kernels& kernels_;
  size_t next_ = 0;
  Outcome outcome_ = Outcome::kOk;
  const char* problem_ = nullptr;
};

}  // namespace batchnorm
