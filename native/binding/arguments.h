// Reading of a call's arguments, with the checks that memory safety needs and no others: what the
// numbers mean is checked in TypeScript, which also words the errors that users see.
//
// No JavaScript runs between the first read and the end of a kernel, so no array can be detached or
// shrunk in between.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "ops/status.h"

namespace batchnorm {

class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info);

  // The data of a Float32Array that holds at least `needed` floats.
  float* floats(size_t index, size_t needed);
  // The same, or null where the argument is null.
  float* floats_or_null(size_t index, size_t needed);
  // A whole number below 2^48.
  size_t size(size_t index);
  double number(size_t index);
  bool boolean(size_t index);

  // False once a read has failed; a JavaScript exception is then pending and what was read must not
  // be used.
  bool ok() const { return ok_; }

  const Kernels& kernels() const;

  // Throws where the status is an error.
  Napi::Value finish(Status status) const;

 private:
  void fail(size_t index, const char* expected);

  const Napi::CallbackInfo& info_;
  bool ok_ = true;
};

// a * b, or a size that no array has where that overflows.
inline size_t product(size_t a, size_t b) {
  return b != 0 && a > SIZE_MAX / sizeof(float) / b ? SIZE_MAX / sizeof(float) : a * b;
}

// What each JavaScript environment (the main thread, a worker) keeps for itself.
struct AddonData {
  const Kernels* kernels;
};

}  // namespace batchnorm
