#include "system/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "system/cpu_count.h"
#include "system/threads.h"

namespace batchnorm {

namespace {

// The tasks of one slot, in a cache line of their own so that threads do not contend for it.
struct alignas(64) Share {
  std::atomic<size_t> next{0};
  size_t end = 0;
  bool awake = false;  // whether the slot's thread works or spins; under the mutex
};

struct Pool {
  // Held by the caller whose job the pool runs; other callers work on their own thread.
  std::atomic<bool> busy{false};

  Mutex mutex;
  Condition job_opened;
  Condition job_left;

  // Written under the mutex; the atomics are also read without it.
  size_t threads = 0;  // started so far
  size_t helpers = 0;  // threads that may join the open job
  bool open = false;
  std::atomic<size_t> working{0};  // threads that have joined and not left
  std::atomic<size_t> awake{0};    // threads that work or spin
  std::atomic<size_t> generation{0};

  // Written before a job is opened, read by the threads that join it.
  Task task = nullptr;
  void* context = nullptr;
  size_t threads_of_job = 0;
  Share shares[kMaxThreads];
};

// Never destroyed: threads may still wait here while the process exits.
alignas(Pool) unsigned char g_storage[sizeof(Pool)];
Pool* g_pool = new (g_storage) Pool;

const size_t g_usable_cpus = usable_cpus();
std::atomic<size_t> g_thread_count{std::min(g_usable_cpus, kMaxThreads)};

std::atomic<size_t> g_elements_per_thread{512 * 1024};

// A thread with a pool of its own.
struct Owner {
  std::atomic<uintptr_t> thread{0};  // 0 while the entry is free
  std::atomic<size_t> count{1};
  std::atomic<Pool*> pool{nullptr};  // made with the first job, kept for the next owner
};

// A table instead of thread-local storage, which would need symbols of the dynamic loader.
Owner g_owners[kMaxThreads];
std::atomic<size_t> g_owner_count{0};  // entries in use, and free ones between them
Mutex g_owner_mutex;

// The entry of the calling thread, or null.
Owner* find_owner() {
  const size_t count = g_owner_count.load(std::memory_order_acquire);
  if (count == 0) return nullptr;
  const uintptr_t self = current_thread();
  for (size_t i = 0; i < count; i++) {
    if (g_owners[i].thread.load(std::memory_order_relaxed) == self) return &g_owners[i];
  }
  return nullptr;
}

Pool* make_pool() {
  constexpr size_t kAlignment = alignof(Pool);
  void* memory = std::malloc(sizeof(Pool) + kAlignment);
  if (memory == nullptr) return nullptr;
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t aligned = (address + kAlignment - 1) / kAlignment * kAlignment;
  return new (reinterpret_cast<void*>(aligned)) Pool;
}

// The pool of the calling thread; null if there is no memory for it.
Pool* caller_pool() {
  Owner* owner = find_owner();
  if (owner == nullptr) return g_pool;
  Pool* pool = owner->pool.load(std::memory_order_relaxed);
  if (pool == nullptr) owner->pool.store(pool = make_pool(), std::memory_order_release);
  return pool;
}

// Threads are started with a number from which they find their pool and slot.
constexpr size_t kSlots = kMaxThreads + 1;

size_t thread_number(const Pool* pool, size_t slot) {
  for (size_t i = 0; i < kMaxThreads; i++) {
    if (g_owners[i].pool.load(std::memory_order_relaxed) == pool) return (i + 1) * kSlots + slot;
  }
  return slot;
}

Pool* pool_of(size_t number) {
  return number < kSlots ? g_pool
                         : g_owners[number / kSlots - 1].pool.load(std::memory_order_acquire);
}

// How long a thread spins for the next job before it sleeps. Waking it costs the caller a system
// call of 10 to 40 us, and the thread starts 40 us later. A thread whose last jobs came in close
// succession, like the operations of a training step, therefore spins longer.
constexpr long long kSpinForJob = 50 * 1000;
constexpr long long kSpinBetweenJobs = 500 * 1000;
// How long a caller spins for the other threads' last tasks before it sleeps. Shorter, because it
// may occupy the core that one of them needs.
constexpr long long kSpinForEnd = 10 * 1000;

// With more threads than cores, a spinning thread keeps another from working.
bool may_spin() { return thread_count() <= g_usable_cpus; }

// Spins while `value` is `old`, for at most `timeout` nanoseconds.
void spin_wait(const std::atomic<size_t>& value, size_t old, long long timeout) {
  if (!may_spin()) return;
  const long long end = nanoseconds() + timeout;
  do {
    for (int i = 0; i < 32; i++) {
      if (value.load(std::memory_order_acquire) != old) return;
      cpu_relax();
    }
  } while (nanoseconds() < end);
}

// Runs the slot's own share first. It is the same part of the work in every job with as many tasks,
// so its data from the previous operation is still in the core's caches. Then helps with the tasks
// that other slots have not started.
void run_tasks(Pool& pool, size_t slot) {
  for (size_t i = 0; i < pool.threads_of_job; i++) {
    Share& share = pool.shares[(slot + i) % pool.threads_of_job];
    for (;;) {
      const size_t task = share.next.fetch_add(1, std::memory_order_relaxed);
      if (task >= share.end) break;
      pool.task(pool.context, task, slot);
    }
  }
}

// Where the tasks begin that a slot starts with.
size_t first_task(size_t tasks, size_t threads, size_t slot) {
  // Avoids tasks * slot, which could overflow.
  return slot * (tasks / threads) + std::min(slot, tasks % threads);
}

size_t threads_of_job(size_t tasks, size_t threads) {
  return std::min({threads, tasks, kMaxThreads});
}

// Whether all threads of the job are awake. Other threads may be, which had a slot in a larger job.
// The caller holds the mutex.
bool helpers_are_awake(const Pool& pool) {
  if (!may_spin()) return false;
  for (size_t slot = 1; slot <= pool.helpers; slot++) {
    if (!pool.shares[slot].awake) return false;
  }
  return true;
}

// The caller holds the mutex.
void leave_job(Pool& pool) {
  pool.working--;
  if (pool.working == 0) pool.job_left.wake_one();
}

void thread_main(size_t number) {
  Pool& pool = *pool_of(number);
  const size_t slot = number % kSlots;
  size_t seen = 0;
  long long last_end = 0;
  const auto set_awake = [&](bool awake) {
    pool.shares[slot].awake = awake;
    if (awake) {
      pool.awake++;
    } else {
      pool.awake--;
    }
  };
  pool.mutex.lock();
  set_awake(true);
  for (;;) {
    while (pool.generation == seen || slot > pool.helpers) {
      set_awake(false);
      const bool stays = pool.job_opened.wait(pool.mutex);
      // Only the last thread may end, so that the slots of the others stay without gaps.
      if (!stays && slot == pool.threads) {
        pool.threads--;
        pool.mutex.unlock();
        return;
      }
      set_awake(true);
    }
    seen = pool.generation;
    const bool one_of_many = nanoseconds() - last_end < kSpinBetweenJobs;
    if (pool.open) {
      pool.working++;
      pool.mutex.unlock();
      run_tasks(pool, slot);
      pool.mutex.lock();
      leave_job(pool);
    }
    // Late wakers spin for the next job too; otherwise they would be late again.
    pool.mutex.unlock();
    last_end = nanoseconds();
    spin_wait(pool.generation, seen, one_of_many ? kSpinBetweenJobs : kSpinForJob);
    pool.mutex.lock();
  }
}

// After fork() the child has none of the threads, and locks they held stay locked.
void forget_threads() {
  g_pool = new (g_storage) Pool;
  for (Owner& owner : g_owners) {
    if (Pool* pool = owner.pool.load(std::memory_order_relaxed); pool != nullptr) new (pool) Pool;
  }
  new (&g_owner_mutex) Mutex;
}

// Starts threads until there are `count`, or until the system refuses more. The caller holds the
// mutex.
void start_threads(Pool& pool, size_t count) {
  if (pool.threads >= count) return;
  static std::atomic<bool> first{true};
  if (first.exchange(false)) {
    keep_library();
    after_fork(forget_threads);
  }
  while (pool.threads < count &&
         start_thread(thread_main, thread_number(&pool, pool.threads + 1))) {
    pool.threads++;
  }
}

}  // namespace

size_t thread_count() {
  const Owner* owner = find_owner();
  return (owner == nullptr ? g_thread_count : owner->count).load(std::memory_order_relaxed);
}

void set_thread_count(size_t count) {
  Owner* owner = find_owner();
  std::atomic<size_t>& target = owner == nullptr ? g_thread_count : owner->count;
  target.store(std::clamp<size_t>(count, 1, kMaxThreads), std::memory_order_relaxed);
}

bool own_threads(size_t count) {
  Owner* owner = find_owner();
  g_owner_mutex.lock();
  for (size_t i = 0; owner == nullptr && i < kMaxThreads; i++) {
    if (g_owners[i].thread != 0) continue;
    owner = &g_owners[i];
    owner->thread = current_thread();
    if (i >= g_owner_count) g_owner_count = i + 1;
  }
  g_owner_mutex.unlock();
  if (owner == nullptr) return false;
  set_thread_count(count);
  return true;
}

bool owns_threads() { return find_owner() != nullptr; }

void disown_threads() {
  if (Owner* owner = find_owner(); owner != nullptr) owner->thread = 0;
}

OneThread::OneThread() : count_(find_owner() == nullptr ? 0 : thread_count()) { own_threads(1); }

OneThread::~OneThread() {
  if (count_ == 0) {
    disown_threads();
  } else {
    set_thread_count(count_);
  }
}

size_t awake_threads() {
  const Pool* pool = may_spin() ? caller_pool() : nullptr;
  return pool == nullptr ? 0 : pool->awake.load(std::memory_order_relaxed);
}

size_t elements_per_thread() { return g_elements_per_thread.load(std::memory_order_relaxed); }

void set_elements_per_thread(size_t elements) {
  g_elements_per_thread.store(std::max<size_t>(elements, 1), std::memory_order_relaxed);
}

void abandon_job() {
  g_pool->mutex.lock();
  leave_job(*g_pool);
  g_pool->mutex.unlock();
}

size_t mirrored_task(size_t task, size_t tasks, size_t threads) {
  threads = threads_of_job(tasks, threads);
  size_t slot = 0;
  while (task >= first_task(tasks, threads, slot + 1)) slot++;
  return first_task(tasks, threads, slot) + first_task(tasks, threads, slot + 1) - 1 - task;
}

void parallel_for(size_t tasks, size_t threads, Task task, void* context) {
  threads = threads_of_job(tasks, threads);
  Pool* const own = threads <= 1 ? nullptr : caller_pool();
  if (own == nullptr || own->busy.exchange(true, std::memory_order_acquire)) {
    for (size_t i = 0; i < tasks; i++) task(context, i, 0);
    return;
  }
  Pool& pool = *own;

  pool.mutex.lock();
  start_threads(pool, threads - 1);
  pool.task = task;
  pool.context = context;
  pool.threads_of_job = threads;
  for (size_t slot = 0; slot < threads; slot++) {
    pool.shares[slot].next.store(first_task(tasks, threads, slot), std::memory_order_relaxed);
    pool.shares[slot].end = first_task(tasks, threads, slot + 1);
  }
  pool.helpers = threads - 1;
  pool.generation++;
  pool.open = true;
  // A system call; awake threads notice the new generation by themselves.
  if (!helpers_are_awake(pool)) pool.job_opened.wake_all();
  pool.mutex.unlock();

  run_tasks(pool, 0);

  // Threads that have not woken by now are not waited for: the job closes.
  pool.mutex.lock();
  pool.open = false;
  if (const size_t working = pool.working; working > 0) {
    pool.mutex.unlock();
    spin_wait(pool.working, working, kSpinForEnd);
    pool.mutex.lock();
  }
  while (pool.working > 0) pool.job_left.wait(pool.mutex);
  pool.mutex.unlock();
  pool.busy.store(false, std::memory_order_release);
}

}  // namespace batchnorm
