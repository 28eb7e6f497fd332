#include "system/thread_pool.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <new>

#include "system/cpu_count.h"

namespace batchnorm {

namespace {

struct Pool {
  // Taken by the caller whose job the pool runs; others see it and work alone.
  std::atomic<bool> busy{false};

  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t job_opened = PTHREAD_COND_INITIALIZER;
  pthread_cond_t job_left = PTHREAD_COND_INITIALIZER;

  // Written under the mutex; the two atomic ones are watched without it.
  size_t threads = 0;  // started so far
  size_t helpers = 0;  // how many may join the open job
  bool open = false;
  std::atomic<size_t> working{0};  // how many have joined and not left
  std::atomic<size_t> generation{0};

  // Written before a job is opened, read by those who joined it.
  Task task = nullptr;
  void* context = nullptr;
  size_t tasks = 0;
  std::atomic<size_t> next{0};
};

// Never destroyed: threads may still wait here while the process exits.
alignas(Pool) unsigned char g_storage[sizeof(Pool)];
Pool* g_pool = new (g_storage) Pool;

const size_t g_usable_cpus = usable_cpus();
std::atomic<size_t> g_thread_count{std::min(g_usable_cpus, kMaxThreads)};

std::atomic<size_t> g_elements_per_thread{256 * 1024};

// How long a thread watches for the next job before it sleeps. Waking one takes the caller a system
// call of some 10 us, and the thread begins 40 us later; the operations of a training step follow
// each other within a few.
constexpr long long kWatchForJob = 50 * 1000;
// How long a caller watches for the end of other threads' last tasks before it sleeps. Shorter: it
// may be on the processor that one of them needs.
constexpr long long kWatchForEnd = 10 * 1000;

long long nanoseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Watches `value` while it is `old`, at most so many nanoseconds.
void watch(const std::atomic<size_t>& value, size_t old, long long at_most) {
  // With more threads than processors, whoever watches keeps another from working.
  if (thread_count() > g_usable_cpus) return;
  const long long end = nanoseconds() + at_most;
  do {
    for (int i = 0; i < 32; i++) {
      if (value.load(std::memory_order_acquire) != old) return;
      pause_processor();
    }
  } while (nanoseconds() < end);
}

void run_tasks(Pool& pool, size_t slot) {
  for (;;) {
    const size_t task = pool.next.fetch_add(1, std::memory_order_relaxed);
    if (task >= pool.tasks) return;
    pool.task(pool.context, task, slot);
  }
}

void* thread_main(void* argument) {
  const size_t slot = reinterpret_cast<size_t>(argument);
  Pool& pool = *g_pool;
  size_t seen = 0;
  pthread_mutex_lock(&pool.mutex);
  for (;;) {
    while (pool.generation == seen || slot > pool.helpers) {
      pthread_cond_wait(&pool.job_opened, &pool.mutex);
    }
    seen = pool.generation;
    if (pool.open) {
      pool.working++;
      pthread_mutex_unlock(&pool.mutex);
      run_tasks(pool, slot);
      pthread_mutex_lock(&pool.mutex);
      pool.working--;
      if (pool.working == 0) pthread_cond_signal(&pool.job_left);
    }
    // Also who came too late watches for the next one: it would be too late again.
    pthread_mutex_unlock(&pool.mutex);
    watch(pool.generation, seen, kWatchForJob);
    pthread_mutex_lock(&pool.mutex);
  }
  return nullptr;
}

// After fork() the child has none of the threads, and whatever they held stays locked.
void forget_threads() { g_pool = new (g_storage) Pool; }

// Starts threads until there are `wanted`; fewer where the system gives no more. Holds the mutex.
void start_threads(Pool& pool, size_t wanted) {
  if (pool.threads >= wanted) return;
  static bool watching_fork = false;
  if (!watching_fork) watching_fork = pthread_atfork(nullptr, nullptr, forget_threads) == 0;

  // Signals belong to the threads of Node; ours inherit a mask that blocks them all.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 512 * 1024);
  while (pool.threads < wanted) {
    pthread_t thread;
    void* slot = reinterpret_cast<void*>(pool.threads + 1);
    if (pthread_create(&thread, &attributes, thread_main, slot) != 0) break;
    pool.threads++;
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

size_t thread_count() { return g_thread_count.load(std::memory_order_relaxed); }

void set_thread_count(size_t count) {
  const size_t most = kMaxThreads;
  g_thread_count.store(std::min(std::max<size_t>(count, 1), most), std::memory_order_relaxed);
}

size_t elements_per_thread() { return g_elements_per_thread.load(std::memory_order_relaxed); }

void set_elements_per_thread(size_t elements) {
  g_elements_per_thread.store(std::max<size_t>(elements, 1), std::memory_order_relaxed);
}

void parallel_for(size_t tasks, size_t threads, Task task, void* context) {
  threads = std::min({threads, tasks, kMaxThreads});
  Pool& pool = *g_pool;
  if (threads <= 1 || pool.busy.exchange(true, std::memory_order_acquire)) {
    for (size_t i = 0; i < tasks; i++) task(context, i, 0);
    return;
  }

  pthread_mutex_lock(&pool.mutex);
  start_threads(pool, threads - 1);
  pool.task = task;
  pool.context = context;
  pool.tasks = tasks;
  pool.next.store(0, std::memory_order_relaxed);
  pool.helpers = threads - 1;
  pool.generation++;
  pool.open = true;
  pthread_cond_broadcast(&pool.job_opened);
  pthread_mutex_unlock(&pool.mutex);

  run_tasks(pool, 0);

  // Whoever has not woken by now is not waited for: the job is closed to it.
  pthread_mutex_lock(&pool.mutex);
  pool.open = false;
  if (const size_t working = pool.working; working > 0) {
    pthread_mutex_unlock(&pool.mutex);
    watch(pool.working, working, kWatchForEnd);
    pthread_mutex_lock(&pool.mutex);
  }
  while (pool.working > 0) pthread_cond_wait(&pool.job_left, &pool.mutex);
  pthread_mutex_unlock(&pool.mutex);
  pool.busy.store(false, std::memory_order_release);
}

}  // namespace batchnorm
