#include "mpi/session.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "system/threads.h"

// Other processes and the network take the time.
#include "optimize_for_size.h"

namespace batchnorm {

namespace {

MpiSession g_session;
// MPI is initialized for several threads that call it one at a time.
Mutex g_mutex;
char g_error[512];

// A message to the other ranks from a rank that has waited for a while: the call in which it waits.
// The ranks that stay silent are the ones that it waits for.
struct Notice {
  double channel;
  double call;
};

MpiHandle g_notice_comm;
std::atomic<bool> g_hurry{false};
// Per channel: the last notice sent, and the requests of its messages, one per rank.
Notice g_sent[kChannels];
MpiHandle* g_sending[kChannels];
bool* g_is_sending[kChannels];
// Per channel and rank: the last call in which the rank was waiting.
double* g_heard[kChannels];

// The waiting rank's thread tests, then yields to threads that have work, then sleeps, so that
// waiting costs little processor time. Ranks that are equally fast meet within the first
// microseconds.
constexpr int kTests = 50;
constexpr long long kYieldFor = 2 * 1000 * 1000;
constexpr long long kSleepFor = 100 * 1000;
// Ranks that wait longer tell the others.
constexpr long long kNotifyAfter = 50 * 1000 * 1000;
constexpr long long kReceiveEvery = 10 * 1000 * 1000;

const MpiFunctions& mpi() { return g_session.loaded->functions; }

void send_notices(const MpiWait& wait) {
  const size_t channel = wait.channel;
  // The buffer is still in use if a rank has not received the previous notice.
  for (size_t rank = 0; rank < g_session.size; rank++) {
    int done = 1;
    if (g_is_sending[channel][rank]) mpi().test(&g_sending[channel][rank], &done);
    if (done == 0) return;
    g_is_sending[channel][rank] = false;
  }
  g_sent[channel] = {static_cast<double>(channel), wait.call};
  for (size_t rank = 0; rank < g_session.size; rank++) {
    if (rank == g_session.rank) continue;
    const int error = mpi().send(&g_sent[channel], sizeof(Notice), static_cast<int>(rank),
                                 g_notice_comm, &g_sending[channel][rank]);
    g_is_sending[channel][rank] = error == 0;
  }
}

void receive_all() {
  for (size_t rank = 0; rank < g_session.size; rank++) {
    if (rank == g_session.rank) continue;
    for (;;) {
      int arrived = 0;
      const int from = static_cast<int>(rank);
      if (mpi().probe(from, g_notice_comm, &arrived) != 0 || arrived == 0) break;
      Notice notice = {};
      if (mpi().receive(&notice, sizeof notice, from, g_notice_comm) != 0) break;
      if (notice.channel >= 0 && notice.channel < kChannels) {
        g_heard[static_cast<size_t>(notice.channel)][rank] = notice.call;
      }
    }
  }
}

bool fail(const char* what, int error, char* text, size_t capacity) {
  mpi_result(error);
  std::snprintf(text, capacity, "%s: %s", what, g_error);
  return false;
}

bool allocate_notices() {
  for (size_t channel = 0; channel < kChannels; channel++) {
    g_sending[channel] = static_cast<MpiHandle*>(std::calloc(g_session.size, sizeof(MpiHandle)));
    g_is_sending[channel] = static_cast<bool*>(std::calloc(g_session.size, sizeof(bool)));
    g_heard[channel] = static_cast<double*>(std::calloc(g_session.size, sizeof(double)));
    if (g_sending[channel] == nullptr || g_is_sending[channel] == nullptr ||
        g_heard[channel] == nullptr) {
      return false;
    }
  }
  return true;
}

}  // namespace

const MpiSession& mpi_session() { return g_session; }

const char* mpi_error() { return g_error; }

void lock_mpi() { g_mutex.lock(); }
void unlock_mpi() { g_mutex.unlock(); }

MpiStatus mpi_result(int error) {
  if (error == 0) return MpiStatus::kDone;
  // Implementations write up to 1024 bytes.
  static char text[8192];
  int length = 0;
  if (mpi().error_string(error, text, &length) != 0) text[0] = '\0';
  std::snprintf(g_error, sizeof g_error, "MPI error %d: %.400s", error, text);
  return MpiStatus::kFailed;
}

bool start_mpi(const MpiLibrary& library, char* error, size_t capacity) {
  g_session.loaded = &library;
  const MpiConstants& constants = library.constants;
  int flag = 0;
  // A second initialization would end the process.
  if (mpi().finalized(&flag) != 0 || flag != 0) {
    std::snprintf(error, capacity,
                  "MPI was finalized and cannot be initialized again in the same process");
    return false;
  }
  int provided = 0;
  mpi().initialized(&flag);
  if (flag == 0) {
    const int code = mpi().init_thread(nullptr, nullptr, constants.thread_serialized, &provided);
    if (code != 0) return fail("MPI_Init_thread", code, error, capacity);
    g_session.owns_mpi = true;
  } else {
    mpi().query_thread(&provided);
  }
  if (provided < constants.thread_serialized) {
    std::snprintf(error, capacity, "this MPI library was built without support for threads");
    return false;
  }
  int rank = 0;
  int size = 0;
  mpi().return_errors(constants.world);
  mpi().rank(constants.world, &rank);
  mpi().size(constants.world, &size);
  g_session.rank = static_cast<size_t>(rank);
  g_session.size = static_cast<size_t>(size);
  MpiHandle* const comms[] = {&g_session.channels[0], &g_session.channels[1], &g_notice_comm};
  for (MpiHandle* comm : comms) {
    const int code = mpi().duplicate(constants.world, comm);
    if (code != 0) return fail("MPI_Comm_dup", code, error, capacity);
    mpi().return_errors(*comm);
  }
  if (!allocate_notices()) {
    std::snprintf(error, capacity, "out of memory");
    return false;
  }
  return true;
}

MpiStatus wait_for(MpiHandle* request, const MpiWait& wait) {
  long long start = 0;
  long long received = 0;
  bool notified = false;
  for (int i = 0;; i++) {
    int done = 0;
    const MpiStatus status =
        start_operation([&](const MpiFunctions& f) { return f.test(request, &done); });
    if (status != MpiStatus::kDone || done != 0) return status;
    if (i < kTests) continue;
    const long long now = nanoseconds();
    if (start == 0) start = now;
    if (now >= wait.deadline) {
      receive_notices();
      return MpiStatus::kTimeout;
    }
    const long long waited = now - start;
    if (waited < kYieldFor && !(wait.patient && !g_hurry)) {
      yield_thread();
      continue;
    }
    if (!notified && waited > kNotifyAfter) {
      lock_mpi();
      send_notices(wait);
      unlock_mpi();
      notified = true;
    }
    if (now - received > kReceiveEvery) {
      receive_notices();
      received = now;
    }
    sleep_nanoseconds(std::min(kSleepFor, wait.deadline - now));
  }
}

void hurry_mpi(bool hurry) { g_hurry = hurry; }

bool is_waiting(size_t rank, const MpiWait& wait) {
  return rank == g_session.rank || g_heard[wait.channel][rank] == wait.call;
}

void receive_notices() {
  lock_mpi();
  receive_all();
  unlock_mpi();
}

void finalize_mpi() {
  lock_mpi();
  receive_all();
  if (g_session.owns_mpi) mpi().finalize();
  unlock_mpi();
}

void abort_mpi(int exit_code) {
  lock_mpi();
  mpi().abort(exit_code);
  unlock_mpi();
}

}  // namespace batchnorm
