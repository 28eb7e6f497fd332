#include "mpi/background.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "mpi/queue.h"
#include "system/threads.h"

namespace batchnorm {

namespace {

struct PostedCall : MpiJob {
  PostedCall* later = nullptr;
  MpiCall call = {};
  MpiStatus status = MpiStatus::kDone;
  std::atomic<bool> done{false};
  uint8_t* values = nullptr;
  size_t capacity = 0;
  double* report = nullptr;
};

// In the order of their numbers.
PostedCall* g_posted = nullptr;
// Collected calls, whose memory the next ones take: faults of new pages cost as much as the sum.
PostedCall* g_free = nullptr;

constexpr long long kPollEvery = 50 * 1000;

void recycle(PostedCall* posted) {
  posted->later = g_free;
  g_free = posted;
}

// A call with memory for this many bytes; null if there is none.
PostedCall* take(size_t bytes) {
  PostedCall* posted = g_free;
  if (posted != nullptr) {
    g_free = posted->later;
    posted->later = nullptr;
    posted->done = false;
  } else {
    void* const memory = std::malloc(sizeof(PostedCall));
    if (memory == nullptr) return nullptr;
    posted = new (memory) PostedCall;
  }
  if (posted->report == nullptr) {
    posted->report =
        static_cast<double*>(std::calloc(mpi_session().size * kReportLength, sizeof(double)));
  }
  if (posted->capacity < bytes) {
    std::free(posted->values);
    posted->values = static_cast<uint8_t*>(std::malloc(bytes));
    posted->capacity = posted->values == nullptr ? 0 : bytes;
  }
  if (posted->report != nullptr && posted->capacity >= bytes) return posted;
  recycle(posted);
  return nullptr;
}

void run_posted(MpiJob* job) {
  PostedCall* const posted = static_cast<PostedCall*>(job);
  posted->status = exchange(posted->call);
  posted->done = true;
}

}  // namespace

bool post_call(const MpiCall& call) {
  const size_t bytes = call.length * call.bytes;
  PostedCall* const posted = take(bytes);
  if (posted == nullptr) return false;
  if (bytes > 0) std::memcpy(posted->values, call.values, bytes);
  posted->call = call;
  posted->call.values = posted->values;
  posted->call.result = posted->values;
  posted->call.report = posted->report;
  posted->call.patient = true;
  posted->run = run_posted;
  if (!enqueue(posted)) {
    recycle(posted);
    return false;
  }
  PostedCall** end = &g_posted;
  while (*end != nullptr) end = &(*end)->later;
  *end = posted;
  return true;
}

MpiStatus collect_call(double number, uint8_t* result, size_t bytes, double* report) {
  // Calls before this one belong to a backward pass that threw before it collected them.
  while (g_posted != nullptr && g_posted->call.number < number && g_posted->done) {
    PostedCall* const abandoned = g_posted;
    g_posted = abandoned->later;
    recycle(abandoned);
  }
  PostedCall** link = &g_posted;
  while (*link != nullptr && (*link)->call.number != number) link = &(*link)->later;
  PostedCall* const posted = *link;
  if (posted == nullptr) return MpiStatus::kFailed;
  hurry_mpi(true);
  while (!posted->done) sleep_nanoseconds(kPollEvery);
  hurry_mpi(false);
  const MpiStatus status = posted->status;
  const size_t capacity = posted->call.length * posted->call.bytes;
  if (status == MpiStatus::kDone)
    std::memcpy(result, posted->call.values, std::min(bytes, capacity));
  std::memcpy(report, posted->call.report, mpi_session().size * kReportLength * sizeof(double));
  *link = posted->later;
  recycle(posted);
  return status;
}

}  // namespace batchnorm
