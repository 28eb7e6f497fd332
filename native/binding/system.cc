// Functions about the ISA, threads and memory.
#include <cstring>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/signatures.h"
#include "dispatch.h"
#include "ops/parallel.h"
#include "system/address_space.h"
#include "system/cache_size.h"
#include "system/huge_pages.h"
#include "system/thread_pool.h"

namespace batchnorm {

namespace {

napi_value isa(Arguments& arguments) {
  return Napi::String::New(arguments.env(), arguments.kernels().isa);
}

// Chooses the ISA of this JavaScript environment; false where the processor has no such one.
napi_value select_isa(Arguments& arguments) {
  char name[16] = {};
  const Kernels* kernels = arguments.text(name, sizeof name) ? find_kernels(name) : nullptr;
  if (kernels != nullptr) arguments.data().kernels = kernels;
  return Napi::Boolean::New(arguments.env(), kernels != nullptr);
}

napi_value threads(Arguments& arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(thread_count()));
}

napi_value set_threads(Arguments&, const SetThreadsCall& call) {
  set_thread_count(call.count);
  return nullptr;
}

// (count): gives this JavaScript environment a pool of its own, until it ends.
napi_value own_thread_pool(Arguments& arguments) {
  const size_t count = arguments.size("count");
  const bool again = owns_threads();
  if (!arguments.ok() || !own_threads(count)) return nullptr;
  // Node aborts if the same hook is added twice.
  if (!again) {
    napi_add_env_cleanup_hook(
        arguments.env(), [](void*) { disown_threads(); }, nullptr);
  }
  return nullptr;
}

napi_value room(Arguments& arguments, const HasRoomCall& call) {
  return Napi::Boolean::New(arguments.env(), has_room(call.bytes, call.left));
}

// A full collection, twice: the memory of array buffers is freed in the background, and the second
// collection waits for that. V8 collects at once where external memory grows by more than half its
// heap. An ArrayBuffer too large to allocate does so too, but makes glibc reserve 64 MiB for
// another arena, of the memory that the collection needs.
napi_value collect_garbage(Arguments& arguments) {
  constexpr int64_t kPressure = int64_t{1} << 40;
  int64_t total = 0;
  for (int i = 0; i < 2; i++) {
    napi_adjust_external_memory(arguments.env(), kPressure, &total);
    napi_adjust_external_memory(arguments.env(), -kPressure, &total);
  }
  return nullptr;
}

// y = x, each thread one range.
napi_value copy(Arguments&, const CopyCall& call) {
  const size_t n = call.n;
  if (n == 0) return nullptr;
  const size_t threads = threads_for(n);
  const size_t range = (n + threads - 1) / threads;
  auto task = [&](size_t index, size_t) {
    const size_t begin = std::min(n, index * range);
    std::memmove(call.y + begin, call.x + begin, std::min(range, n - begin) * sizeof(float));
  };
  parallel_for(threads, threads, task);
  return nullptr;
}

// Whether a and b have a byte in common, in whichever buffers they are.
napi_value overlap(Arguments& arguments, const OverlapCall& call) {
  const uintptr_t a = reinterpret_cast<uintptr_t>(call.a);
  const uintptr_t b = reinterpret_cast<uintptr_t>(call.b);
  const bool common = call.a_length > 0 && call.b_length > 0 &&
                      a < b + call.b_length * sizeof(float) &&
                      b < a + call.a_length * sizeof(float);
  return Napi::Boolean::New(arguments.env(), common);
}

napi_value read_cache_sizes(Arguments& arguments) {
  const CacheSizes& sizes = cache_sizes();
  Napi::Object result = Napi::Object::New(arguments.env());
  result.Set("l1", static_cast<double>(sizes.l1));
  result.Set("l2", static_cast<double>(sizes.l2));
  result.Set("last", static_cast<double>(sizes.last));
  return result;
}

napi_value bytes_to_cache_line(Arguments& arguments, const BytesToCacheLineCall& call) {
  constexpr uintptr_t kLine = 64;
  const uintptr_t address = reinterpret_cast<uintptr_t>(call.buffer);
  return Napi::Number::New(arguments.env(), static_cast<double>((kLine - address % kLine) % kLine));
}

napi_value advise(Arguments&, const AdviseHugePagesCall& call) {
  advise_huge_pages(call.buffer, call.n * sizeof(float));
  return nullptr;
}

}  // namespace

void export_system(Exports& exports) {
  export_function<isa>(exports, "isa");
  export_function<select_isa>(exports, "selectIsa");
  export_function<threads>(exports, "threads");
  export_function<own_thread_pool>(exports, "ownThreads");
  export_operation<SetThreadsCall, set_threads>(exports);
  export_operation<BytesToCacheLineCall, bytes_to_cache_line>(exports);
  export_operation<AdviseHugePagesCall, advise>(exports);
  export_operation<HasRoomCall, room>(exports);
  export_function<collect_garbage>(exports, "collectGarbage");
  export_operation<CopyCall, copy>(exports);
  export_operation<OverlapCall, overlap>(exports);
  export_function<read_cache_sizes>(exports, "cacheSizes");
}

}  // namespace batchnorm
