// Shared by the functions of compiled plans: objects that JavaScript keeps, and memory.
#pragma once

#include <cstdlib>
#include <new>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "plan/program.h"
#include "system/test_hooks.h"

namespace batchnorm {

// An object that JavaScript keeps as an external value. The tag, which comes first, tells one type
// from another and from the values of other addons.
template <class T>
struct External {
  // Not constant, because linkers merge equal constants.
  static inline char type = 0;
  const void* const tag = &type;
  T object;

  // Null without memory; `new` would end the process.
  static External* create() {
    void* memory = fails_here() ? nullptr : std::malloc(sizeof(External));
    return memory == nullptr ? nullptr : new (memory) External;
  }
  static void destroy(External* external) {
    external->~External();
    std::free(external);
  }
};

// A value of JavaScript that owns the object, or null, with an exception pending, without memory.
template <class T>
napi_value wrap(napi_env env, External<T>* object) {
  const auto destroy = [](napi_env, void* data, void*) {
    External<T>::destroy(static_cast<External<T>*>(data));
  };
  napi_value external = nullptr;
  if (napi_create_external(env, object, destroy, nullptr, &external) != napi_ok) {
    External<T>::destroy(object);
  }
  return external;
}

// The object in a value; null if it is another value.
template <class T>
T* unwrap(napi_env env, napi_value value) {
  void* data = nullptr;
  napi_get_value_external(env, value, &data);
  External<T>* const external = static_cast<External<T>*>(data);
  return external == nullptr || external->tag != &External<T>::type ? nullptr : &external->object;
}

// The object of the next argument.
template <class T>
T* unwrap(Arguments& arguments) {
  return unwrap<T>(arguments.env(), arguments.value());
}

// Throws a RangeError if memory ran out. Any other outcome is a bug in the JavaScript code: it
// passed invalid arguments.
napi_value fail_plan(Arguments& arguments, Outcome outcome = Outcome::kInvalid);

// False if the value is no Float32Array.
bool read_memory(napi_env env, napi_value array, Memory& memory);

// All elements of an array of Float32Arrays, to be freed by std::free.
Outcome read_memories(napi_env env, napi_value arrays, Memory*& memories, size_t& count);

napi_value outcome_value(napi_env env, Outcome outcome);

// Adds the functions for calls on other threads.
void export_plan_calls(Napi::Object& plans);

}  // namespace batchnorm
