#include "plan/lanes.h"

#include <cstdlib>
#include <new>

#include "system/test_hooks.h"

// The operations take the time.
#include "optimize_for_size.h"

namespace batchnorm {

Call* Call::create(const Program& program, Memory input, Memory output, double id) {
  void* memory = fails_here() ? nullptr : std::malloc(sizeof(Call));
  if (memory == nullptr) return nullptr;
  Call* call = new (memory) Call{};
  call->program = &program;
  call->input = input;
  call->output = output;
  call->id = id;
  return call;
}

void Channel::enter() {
  mutex_.lock();
  active_++;
  mutex_.unlock();
}

void Channel::leave() {
  mutex_.lock();
  active_--;
  if (active_ == 0) idle_.wake_all();
  mutex_.unlock();
}

void Channel::close() {
  closing.store(true, std::memory_order_release);
  mutex_.lock();
  while (active_ > 0) idle_.wait(mutex_);
  mutex_.unlock();
}

Lanes::~Lanes() { std::free(lanes_); }

bool Lanes::open(Channel& channel, const Memory* arenas, size_t count) {
  void* memory = fails_here() ? nullptr : std::malloc((count + 1) * sizeof(Lane));
  lanes_ = static_cast<Lane*>(memory);
  if (lanes_ == nullptr) return false;
  channel_ = &channel;
  count_ = count;
  for (size_t i = 0; i < count; i++) {
    Lane* lane = new (&lanes_[i]) Lane{};
    lane->run = run;
    lane->lanes = this;
    lane->arena = arenas[i];
  }
  return true;
}

bool Lanes::start(Call* call) {
  channel_->enter();
  mutex_.lock();
  Lane* const idle = assign_or_queue(call);
  mutex_.unlock();
  if (idle == nullptr || send(idle)) return true;
  mutex_.lock();
  idle->call = nullptr;
  mutex_.unlock();
  channel_->leave();
  return false;
}

// Gives the call to an idle lane, which is returned, or else to the queue. Under the mutex.
Lane* Lanes::assign_or_queue(Call* call) {
  for (size_t i = 0; i < count_; i++) {
    if (lanes_[i].call != nullptr) continue;
    lanes_[i].call = call;
    return &lanes_[i];
  }
  (last_ == nullptr ? first_ : last_->next) = call;
  last_ = call;
  return nullptr;
}

// The next waiting call, or null. Under the mutex.
Call* Lanes::take() {
  Call* const call = first_;
  if (call != nullptr) first_ = call->next;
  if (first_ == nullptr) last_ = nullptr;
  return call;
}

void Lanes::run(Errand* errand) {
  Lane& lane = *static_cast<Lane*>(errand);
  Lanes& lanes = *lane.lanes;
  Channel& channel = *lanes.channel_;
  for (Call* call = lane.call; call != nullptr;) {
    const CallMemories memories = {lane.arena, call->input, call->output};
    call->outcome = call->program->run(memories, &call->stopped, &channel.closing);
    // Before the call is reported: without calls, JavaScript may free the lanes.
    lanes.mutex_.lock();
    Call* const next = lanes.take();
    lane.call = next;
    lanes.mutex_.unlock();
    if (channel.closing.load(std::memory_order_acquire) || !channel.report(channel, call)) {
      std::free(call);
    }
    channel.leave();
    call = next;
  }
}

Call* Lanes::stop(double id) {
  Call* removed = nullptr;
  mutex_.lock();
  for (size_t i = 0; i < count_; i++) {
    Call* const running = lanes_[i].call;
    if (running != nullptr && running->id == id) running->stopped = true;
  }
  for (Call *previous = nullptr, *call = first_; call != nullptr; call = call->next) {
    if (call->id == id) {
      removed = call;
      (previous == nullptr ? first_ : previous->next) = call->next;
      if (last_ == call) last_ = previous;
      break;
    }
    previous = call;
  }
  mutex_.unlock();
  if (removed != nullptr) channel_->leave();
  return removed;
}

}  // namespace batchnorm
