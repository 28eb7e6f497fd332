// What the addon runs on: ISA, threads, memory.
#include <cstring>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "dispatch.h"
#include "ops/parallel.h"
#include "system/address_space.h"
#include "system/cache_size.h"
#include "system/huge_pages.h"
#include "system/thread_pool.h"

namespace batchnorm {

namespace {

Napi::Value isa(const Napi::CallbackInfo& info) {
  const Kernels& kernels = *info.Env().GetInstanceData<AddonData>()->kernels;
  return Napi::String::New(info.Env(), kernels.isa);
}

// Chooses the ISA of this JavaScript environment; false where the processor has no such one.
Napi::Value select_isa(const Napi::CallbackInfo& info) {
  char name[16] = {};
  size_t length = 0;
  const Kernels* kernels = nullptr;
  if (napi_get_value_string_utf8(info.Env(), info[0], name, sizeof name, &length) == napi_ok) {
    kernels = find_kernels(name);
  }
  if (kernels != nullptr) info.Env().GetInstanceData<AddonData>()->kernels = kernels;
  return Napi::Boolean::New(info.Env(), kernels != nullptr);
}

Napi::Value threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(thread_count()));
}

Napi::Value set_threads(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t count = arguments.size(0);
  if (arguments.ok()) set_thread_count(count);
  return info.Env().Undefined();
}

Napi::Value ask_for_room(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t bytes = arguments.size(0);
  const size_t left = arguments.size(1);
  return Napi::Boolean::New(info.Env(), arguments.ok() && has_room(bytes, left));
}

// (n, x, y): y = x, each thread one range.
Napi::Value copy(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t n = arguments.size(0);
  const float* x = arguments.floats(1, n);
  float* y = arguments.floats(2, n);
  if (!arguments.ok() || n == 0) return info.Env().Undefined();
  const size_t threads = threads_for(n);
  const size_t range = (n + threads - 1) / threads;
  auto task = [&](size_t index, size_t) {
    const size_t begin = std::min(n, index * range);
    std::memmove(y + begin, x + begin, std::min(range, n - begin) * sizeof(float));
  };
  parallel_for(threads, threads, task);
  return info.Env().Undefined();
}

Napi::Value read_cache_sizes(const Napi::CallbackInfo& info) {
  const CacheSizes& sizes = cache_sizes();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("l1", static_cast<double>(sizes.l1));
  result.Set("l2", static_cast<double>(sizes.l2));
  result.Set("last", static_cast<double>(sizes.last));
  return result;
}

Napi::Value bytes_to_cache_line(const Napi::CallbackInfo& info) {
  constexpr uintptr_t kLine = 64;
  Arguments arguments(info);
  const uintptr_t address = reinterpret_cast<uintptr_t>(arguments.floats(0, 0));
  return Napi::Number::New(info.Env(), static_cast<double>((kLine - address % kLine) % kLine));
}

Napi::Value advise(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const size_t n = arguments.size(0);
  float* data = arguments.floats(1, n);
  if (arguments.ok()) advise_huge_pages(data, n * sizeof(float));
  return info.Env().Undefined();
}

}  // namespace

void export_system(Napi::Env env, Napi::Object exports) {
  exports.Set("isa", Napi::Function::New<isa>(env));
  exports.Set("selectIsa", Napi::Function::New<select_isa>(env));
  exports.Set("threads", Napi::Function::New<threads>(env));
  exports.Set("setThreads", Napi::Function::New<set_threads>(env));
  exports.Set("bytesToCacheLine", Napi::Function::New<bytes_to_cache_line>(env));
  exports.Set("adviseHugePages", Napi::Function::New<advise>(env));
  exports.Set("hasRoom", Napi::Function::New<ask_for_room>(env));
  exports.Set("copy", Napi::Function::New<copy>(env));
  exports.Set("cacheSizes", Napi::Function::New<read_cache_sizes>(env));
}

}  // namespace batchnorm
