#include "plan/executors.h"

#include <cstddef>
#include <new>

#include "system/threads.h"

// The operations take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

struct Executors {
  Mutex mutex;
  Condition sent;
  // Errands that no thread has taken.
  Errand* first = nullptr;
  Errand* last = nullptr;
  size_t waiting = 0;
  size_t threads = 0;
  size_t idle = 0;
};

// Enough for every lane of several plans; further errands wait.
constexpr size_t kMaxExecutors = 128;
// Operations were written for the stack of a main thread.
constexpr size_t kExecutorStack = 2 * 1024 * 1024;

// Never destroyed: threads may still wait here while the process exits.
alignas(Executors) unsigned char g_storage[sizeof(Executors)];
Executors* g_executors = new (g_storage) Executors;

void execute(size_t) {
  Executors& all = *g_executors;
  all.mutex.lock();
  for (;;) {
    while (all.first == nullptr) {
      all.idle++;
      all.sent.wait(all.mutex);
      all.idle--;
    }
    Errand* const errand = all.first;
    all.first = errand->next;
    if (all.first == nullptr) all.last = nullptr;
    all.waiting--;
    all.mutex.unlock();
    errand->run(errand);
    all.mutex.lock();
  }
}

// After fork() the child has none of the threads.
void forget() { g_executors = new (g_storage) Executors; }

// The caller holds the mutex.
void start(Executors& all) {
  static bool first = true;
  if (first) {
    keep_library();
    after_fork(forget);
    first = false;
  }
  if (start_thread(execute, 0, kExecutorStack)) all.threads++;
}

}  // namespace

bool send(Errand* errand) {
  Executors& all = *g_executors;
  all.mutex.lock();
  if (all.idle <= all.waiting && all.threads < kMaxExecutors) start(all);
  const bool taken = all.threads > 0;
  if (taken) {
    errand->next = nullptr;
    (all.last == nullptr ? all.first : all.last->next) = errand;
    all.last = errand;
    all.waiting++;
    all.sent.wake_one();
  }
  all.mutex.unlock();
  return taken;
}

}  // namespace batchnorm
