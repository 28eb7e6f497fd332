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

// What each JavaScript environment (the main thread, a worker) keeps for itself.
struct AddonData {
  const Kernels* kernels;
};

class Arguments {
 public:
  // Of a function that export_function has made.
  Arguments(napi_env env, napi_callback_info info);
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  // Each call reads the next argument. The names are those of lib/backend/backend.ts, for messages.

  // The data of a Float32Array that holds at least `needed` floats.
  float* floats(const char* name, size_t needed);
  // The same, or null where the argument is null.
  float* floats_or_null(const char* name, size_t needed);
  // A whole number below 2^48.
  size_t size(const char* name);
  double number(const char* name);
  bool boolean(const char* name);
  // A string as a null-terminated one; false where it is none or too long.
  bool text(char* buffer, size_t capacity);

  // False once a read has failed; a JavaScript exception is then pending and what was read must not
  // be used.
  bool ok() const { return ok_; }

  Napi::Env env() const { return env_; }
  const Kernels& kernels() const { return *data_->kernels; }
  AddonData& data() { return *data_; }

  // What the call returns, undefined; throws where the status is an error.
  napi_value finish(Status status) const;

 private:
  napi_value next();
  float* read_floats(napi_value value, const char* name, size_t needed);
  void fail(napi_value value, const char* name, const char* expected);

  // As many as the function with the most arguments takes; what a call lacks is undefined.
  static constexpr size_t kMax = 18;

  napi_env env_;
  napi_value values_[kMax];
  size_t next_ = 0;
  AddonData* data_ = nullptr;
  bool ok_ = true;
};

// a * b, or a size that no array has where that overflows.
inline size_t product(size_t a, size_t b) {
  return b != 0 && a > SIZE_MAX / sizeof(float) / b ? SIZE_MAX / sizeof(float) : a * b;
}

}  // namespace batchnorm
