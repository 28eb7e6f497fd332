#include "binding/arguments.h"

#include <cstdio>

namespace batchnorm {

Arguments::Arguments(napi_env env, napi_callback_info info) : env_(env) {
  size_t count = kMax;
  void* data = nullptr;
  ok_ = napi_get_cb_info(env, info, &count, values_, nullptr, &data) == napi_ok;
  data_ = static_cast<AddonData*>(data);
}

float* Arguments::floats(size_t index, size_t needed) {
  if (!ok_) return nullptr;
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  // Fails for what is no typed array; a detached one reports length 0.
  const napi_status status =
      napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_float32_array || length < needed) {
    char expected[64];
    std::snprintf(expected, sizeof expected, "a Float32Array of at least %zu values", needed);
    fail(index, expected);
    return nullptr;
  }
  return static_cast<float*>(data);
}

float* Arguments::floats_or_null(size_t index, size_t needed) {
  if (!ok_) return nullptr;
  napi_valuetype type = napi_undefined;
  napi_typeof(env_, values_[index], &type);
  return type == napi_null ? nullptr : floats(index, needed);
}

size_t Arguments::size(size_t index) {
  constexpr double kLimit = 281474976710656.0;  // 2^48
  double value = -1;
  if (!ok_) return 0;
  if (napi_get_value_double(env_, values_[index], &value) != napi_ok || !(value >= 0) ||
      value >= kLimit || value != static_cast<double>(static_cast<int64_t>(value))) {
    fail(index, "a whole number below 2^48");
    return 0;
  }
  return static_cast<size_t>(value);
}

double Arguments::number(size_t index) {
  double value = 0;
  if (ok_ && napi_get_value_double(env_, values_[index], &value) != napi_ok) {
    fail(index, "a number");
  }
  return value;
}

bool Arguments::boolean(size_t index) {
  bool value = false;
  if (ok_ && napi_get_value_bool(env_, values_[index], &value) != napi_ok) {
    fail(index, "a boolean");
  }
  return value;
}

bool Arguments::text(size_t index, char* buffer, size_t capacity) {
  size_t length = 0;
  return napi_get_value_string_utf8(env_, values_[index], buffer, capacity, &length) == napi_ok &&
         length + 1 < capacity;
}

napi_value Arguments::finish(Status status) const {
  if (status == Status::kOutOfMemory) {
    napi_throw_range_error(env_, "ERR_BATCHNORM_OUT_OF_MEMORY",
                           "Out of memory for the working space of an operation");
  }
  return nullptr;
}

void Arguments::fail(size_t index, const char* expected) {
  char message[128];
  std::snprintf(message, sizeof message, "Expected %s for native argument %zu", expected, index);
  napi_throw_type_error(env_, "ERR_BATCHNORM_TYPE", message);
  ok_ = false;
}

}  // namespace batchnorm
