#include "binding/arguments.h"

#include <cstdio>

namespace batchnorm {

Arguments::Arguments(napi_env env, napi_callback_info info, size_t count) : env_(env) {
  void* data = nullptr;
  ok_ = napi_get_cb_info(env, info, &count, values_, nullptr, &data) == napi_ok;
  data_ = static_cast<AddonData*>(data);
  if (data_ != nullptr) kernels_ = data_->kernels;
}

Arguments::Arguments(const Kernels& kernels, const PlannedArguments& planned)
    : env_(nullptr), planned_(planned), kernels_(&kernels) {}

double Arguments::next_number() {
  if (planned_.next != planned_.end) return *planned_.next++;
  ok_ = false;
  return 0;
}

float* Arguments::planned_floats(size_t needed, bool nullable) {
  const double memory = next_number();
  const double offset = next_number();
  if (memory == -1 && nullable) return nullptr;
  constexpr size_t kOfCall = PlannedArguments::kOfCall;
  if (ok_ && memory >= 0 && memory < static_cast<double>(kOfCall + planned_.count_of_plan)) {
    const size_t index = static_cast<size_t>(memory);
    const Memory& found =
        index < kOfCall ? planned_.of_call[index] : planned_.of_plan[index - kOfCall];
    if (offset >= 0 && offset <= static_cast<double>(found.length)) {
      const size_t begin = static_cast<size_t>(offset);
      if (needed <= found.length - begin) return found.data + begin;
    }
  }
  ok_ = false;
  return nullptr;
}

void Arguments::skip_array() {
  if (env_ != nullptr) {
    next();
  } else {
    next_number();
    next_number();
  }
}

float* Arguments::floats(const char* name, size_t needed) {
  return static_cast<float*>(read_array(name, napi_float32_array, needed, false));
}

float* Arguments::floats_or_null(const char* name, size_t needed) {
  return static_cast<float*>(read_array(name, napi_float32_array, needed, true));
}

float* Arguments::floats_when(bool given, const char* name, size_t needed) {
  if (given) return floats(name, needed);
  skip_array();
  return nullptr;
}

float* Arguments::floats_or_null_when(bool given, const char* name, size_t needed) {
  if (given) return floats_or_null(name, needed);
  skip_array();
  return nullptr;
}

double* Arguments::doubles(const char* name, size_t needed) {
  return static_cast<double*>(read_array(name, napi_float64_array, needed, false));
}

void* Arguments::read_array(const char* name, napi_typedarray_type wanted, size_t needed,
                            bool nullable) {
  if (!ok_) return nullptr;
  if (env_ == nullptr) {
    if (wanted == napi_float32_array) return planned_floats(needed, nullable);
    ok_ = false;
    return nullptr;
  }
  const napi_value value = next();
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  // Fails for anything but a typed array; a detached one reports length 0.
  const napi_status status =
      napi_get_typedarray_info(env_, value, &type, &length, &data, nullptr, nullptr);
  if (status == napi_ok && type == wanted && length >= needed) return data;
  return null_or_fail(value, name, wanted, needed, nullable);
}

void* Arguments::null_or_fail(napi_value value, const char* name, napi_typedarray_type wanted,
                              size_t needed, bool nullable) {
  napi_valuetype other = napi_undefined;
  if (nullable && napi_typeof(env_, value, &other) == napi_ok && other == napi_null) return nullptr;
  char expected[64];
  std::snprintf(expected, sizeof expected, "a Float%dArray of at least %zu values",
                wanted == napi_float32_array ? 32 : 64, needed);
  fail(value, name, expected);
  return nullptr;
}

FloatValues Arguments::values(const char* name) {
  FloatValues result;
  if (!ok_) return result;
  result.array = next();
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(env_, result.array, &type, &result.length, &data, nullptr, nullptr);
  if (status == napi_ok && (type == napi_float32_array || type == napi_float64_array)) {
    result.data = static_cast<uint8_t*>(data);
    result.bytes = type == napi_float32_array ? sizeof(float) : sizeof(double);
    return result;
  }
  fail(result.array, name, "a Float32Array or Float64Array");
  return result;
}

size_t Arguments::size(const char* name) {
  constexpr double kLimit = 281474976710656.0;  // 2^48
  double number = -1;
  if (!ok_) return 0;
  const napi_value value = env_ == nullptr ? nullptr : next();
  const bool read = env_ == nullptr ? (number = next_number(), ok_)
                                    : napi_get_value_double(env_, value, &number) == napi_ok;
  if (!read || !(number >= 0) || number >= kLimit ||
      number != static_cast<double>(static_cast<int64_t>(number))) {
    fail(value, name, "a whole number below 2^48");
    return 0;
  }
  return static_cast<size_t>(number);
}

double Arguments::number(const char* name) {
  double number = 0;
  if (!ok_) return number;
  if (env_ == nullptr) return next_number();
  const napi_value value = next();
  if (napi_get_value_double(env_, value, &number) != napi_ok) fail(value, name, "a number");
  return number;
}

bool Arguments::boolean(const char* name) {
  bool boolean = false;
  if (!ok_) return boolean;
  if (env_ == nullptr) return next_number() != 0;
  const napi_value value = next();
  if (napi_get_value_bool(env_, value, &boolean) != napi_ok) fail(value, name, "a boolean");
  return boolean;
}

bool Arguments::text(char* buffer, size_t capacity) {
  size_t length = 0;
  return napi_get_value_string_utf8(env_, next(), buffer, capacity, &length) == napi_ok &&
         length + 1 < capacity;
}

Result Arguments::finish(Status status) {
  if (status == Status::kOutOfMemory) {
    ok_ = false;
    out_of_memory_ = true;
    if (env_ == nullptr) return nullptr;
    napi_throw_range_error(env_, "ERR_BATCHNORM_OUT_OF_MEMORY",
                           "Out of memory for the working space of an operation");
  }
  return nullptr;
}

void Arguments::fail_shape(const char* message) {
  ok_ = false;
  if (env_ != nullptr) napi_throw_range_error(env_, "ERR_BATCHNORM_SHAPE", message);
}

void Arguments::fail(napi_value value, const char* name, const char* expected) {
  ok_ = false;
  if (env_ == nullptr) return;
  static constexpr const char* kTypes[] = {
      "undefined", "null",      "a boolean",  "a number",  "a string",
      "a symbol",  "an object", "a function", "an object", "a bigint",
  };
  napi_valuetype type = napi_undefined;
  napi_typeof(env_, value, &type);
  napi_typedarray_type array = napi_int8_array;
  size_t length = 0;
  char received[48];
  if (napi_get_typedarray_info(env_, value, &array, &length, nullptr, nullptr, nullptr) ==
          napi_ok &&
      (array == napi_float32_array || array == napi_float64_array)) {
    std::snprintf(received, sizeof received, "Float%dArray of length %zu",
                  array == napi_float32_array ? 32 : 64, length);
  } else {
    std::snprintf(received, sizeof received, "%s", kTypes[type]);
  }
  char message[192];
  std::snprintf(message, sizeof message, "Expected %s for %s but received %s", expected, name,
                received);
  napi_throw_type_error(env_, "ERR_BATCHNORM_TYPE", message);
}

}  // namespace batchnorm
