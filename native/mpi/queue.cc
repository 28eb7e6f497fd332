#include "mpi/queue.h"

#include <cstddef>

#include "system/threads.h"

namespace batchnorm {

namespace {

Mutex g_mutex;
Condition g_added;
MpiJob* g_first = nullptr;
MpiJob* g_last = nullptr;
bool g_started = false;

// The initialization of MPI libraries needs more than our other threads do.
constexpr size_t kMpiStackBytes = 8 * 1024 * 1024;

void run_jobs(size_t) {
  for (;;) {
    g_mutex.lock();
    while (g_first == nullptr) g_added.wait(g_mutex);
    MpiJob* job = g_first;
    g_first = job->next;
    g_mutex.unlock();
    job->run(job);
  }
}

}  // namespace

bool enqueue(MpiJob* job) {
  g_mutex.lock();
  if (!g_started) {
    keep_library();
    g_started = start_thread(run_jobs, 0, kMpiStackBytes);
  }
  if (g_started) {
    job->next = nullptr;
    (g_first == nullptr ? g_first : g_last->next) = job;
    g_last = job;
    g_added.wake_one();
  }
  const bool started = g_started;
  g_mutex.unlock();
  return started;
}

}  // namespace batchnorm
