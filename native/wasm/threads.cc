#include "wasm/threads.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "system/cpu_count.h"
#include "system/thread_pool.h"
#include "system/threads.h"

// Starts a worker; false if the host has none. It calls run_thread() on a stack that grows down
// from `stack` + `bytes`.
extern "C" __attribute__((import_module("env"), import_name("startThread"))) bool start_worker(
    size_t number, void* stack, size_t bytes);

// Time of a monotonic clock.
extern "C" __attribute__((import_module("env"), import_name("milliseconds"))) double milliseconds();

namespace batchnorm {

namespace {

size_t cpus = 1;
void (*body)(size_t);
std::atomic<bool> has_trapped{false};

// Workers hold a thread and several megabytes each, which a process that only loads the package
// again and again, as Jest does for each file, would never get back.
std::atomic<long long> idle_nanoseconds{10'000'000'000};

// A worker's stack is ordinary memory, so an overflow would not trap. These words at its end tell.
constexpr uint64_t kCanary = 0x9e3779b97f4a7c15;
constexpr size_t kCanaries = 16;
uint64_t* stacks[kMaxThreads + 1];

enum class Wait { kWoken = 0, kChanged = 1, kTimedOut = 2 };

Wait wait(std::atomic<int>& value, int old, long long nanoseconds) {
  static_assert(sizeof value == sizeof(int));
  int* const address = reinterpret_cast<int*>(&value);
  return Wait{__builtin_wasm_memory_atomic_wait32(address, old, nanoseconds)};
}

void notify(std::atomic<int>& value, unsigned count) {
  __builtin_wasm_memory_atomic_notify(reinterpret_cast<int*>(&value), count);
}

}  // namespace

size_t usable_cpus() { return cpus; }
void set_usable_cpus(size_t count) { cpus = count; }

// The critical sections of the pool are shorter than a wait, so a few attempts come first.
void Mutex::lock() {
  for (int i = 0; i < 100; i++) {
    int unlocked = 0;
    if (state_.compare_exchange_weak(unlocked, 1, std::memory_order_acquire)) return;
  }
  while (state_.exchange(2, std::memory_order_acquire) != 0) wait(state_, 2, -1);
}

void Mutex::unlock() {
  if (state_.exchange(0, std::memory_order_release) == 2) notify(state_, 1);
}

bool Condition::wait(Mutex& mutex) {
  const int wakes = wakes_;
  waiting_++;
  mutex.unlock();
  const Wait outcome = batchnorm::wait(wakes_, wakes, idle_nanoseconds);
  mutex.lock();
  waiting_--;
  return outcome != Wait::kTimedOut;
}

void Condition::wake_one() {
  wakes_++;
  if (waiting_ > 0) notify(wakes_, 1);
}

void Condition::wake_all() {
  wakes_++;
  if (waiting_ > 0) notify(wakes_, ~0u);
}

bool start_thread(void (*function)(size_t), size_t number, size_t stack_bytes) {
  auto* const stack = static_cast<uint64_t*>(std::aligned_alloc(64, stack_bytes));
  if (stack == nullptr) return false;
  body = function;
  for (size_t i = 0; i < kCanaries; i++) stack[i] = kCanary;
  if (!start_worker(number, stack, stack_bytes)) {
    std::free(stack);
    return false;
  }
  stacks[number] = stack;
  return true;
}

void run_thread(size_t number) { body(number); }

void thread_has_trapped() {
  has_trapped = true;
  abandon_job();
}

void free_stack(size_t number, void* stack) {
  // Another thread may have the number by now.
  if (stacks[number] == stack) stacks[number] = nullptr;
  std::free(stack);
}

bool threads_are_intact() {
  if (has_trapped) return false;
  for (size_t number = 1; number <= kMaxThreads; number++) {
    const uint64_t* const stack = stacks[number];
    if (stack == nullptr) continue;
    for (size_t i = 0; i < kCanaries; i++) {
      if (stack[i] != kCanary) return false;
    }
  }
  return true;
}

void set_idle_nanoseconds(long long duration) { idle_nanoseconds = duration; }

long long nanoseconds() { return static_cast<long long>(milliseconds() * 1e6); }

// A thread that has its own pool uses a separate instance of the module.
uintptr_t current_thread() { return 1; }

void cpu_relax() {}
void after_fork(void (*)()) {}
void keep_library() {}

}  // namespace batchnorm
