// Queues of calls of compiled plans, which compute on the threads of plan/executors.h.
#pragma once

#include <atomic>
#include <cstddef>

#include "plan/executors.h"
#include "plan/program.h"
#include "system/threads.h"

namespace batchnorm {

// A call of a program. It is allocated by std::malloc; the last function that takes it frees it.
struct Call {
  Call* next;
  double id;
  const Program* program;
  Memory input, output;
  std::atomic<bool> stopped;
  Outcome outcome;

  // Null without memory.
  static Call* create(const Program& program, Memory input, Memory output, double id);
};

// Where the calls of several lanes report that they have ended.
struct Channel {
  // Takes over a call that has ended, on the thread that computed it. False if it cannot.
  bool (*report)(Channel& channel, Call* call);
  // Once true, no further operation starts and no call is reported.
  std::atomic<bool> closing;

  // Counts a call before lanes get it.
  void enter();
  // The call has ended; nothing refers to it.
  void leave();
  // Stops every call and waits for the running operations.
  void close();

 private:
  Mutex mutex_;
  Condition idle_;
  size_t active_;
};

// One of the calls that compute at the same time.
struct Lane : Errand {
  class Lanes* lanes;
  Memory arena;
  Call* call;  // null while idle
};

// Computes calls in the order of their start, one in each lane at a time.
class Lanes {
 public:
  Lanes() = default;
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;
  ~Lanes();

  // One lane for each arena. False without memory.
  bool open(Channel& channel, const Memory* arenas, size_t count);

  // Starts a call as soon as a lane is idle. False if there is no thread; the call is then still
  // the caller's.
  bool start(Call* call);

  // Stops a running call, which is reported as usual. A waiting call is removed and returned, and
  // is the caller's again.
  Call* stop(double id);

  Channel& channel() { return *channel_; }

 private:
  static void run(Errand* errand);
  Lane* assign_or_queue(Call* call);
  Call* take();

  Channel* channel_ = nullptr;
  Mutex mutex_;
  // The waiting calls.
  Call* first_ = nullptr;
  Call* last_ = nullptr;
  Lane* lanes_ = nullptr;
  size_t count_ = 0;
};

}  // namespace batchnorm
