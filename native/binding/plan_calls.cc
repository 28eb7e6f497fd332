// Calls of compiled plans on other threads, which report their end to JavaScript's.
#include <cstdlib>

#include "binding/plan.h"
#include "plan/lanes.h"

namespace batchnorm {

// The state that the calls of one environment share. Never freed, because the thread that ended the
// last call may not have left the mutex yet; a later environment uses it again.
struct PlanChannel : Channel {
  napi_threadsafe_function settle;
  // Calls of JavaScript that have not settled.
  size_t pending;
  PlanChannel* next_free;
};

namespace {

// The call is freed on JavaScript's thread.
bool report(Channel& channel, Call* call) {
  return napi_call_threadsafe_function(static_cast<PlanChannel&>(channel).settle, call,
                                       napi_tsfn_nonblocking) == napi_ok;
}

// While calls are pending, the channel keeps the event loop running.
void add_pending(napi_env env, PlanChannel& channel) {
  if (channel.pending++ == 0) napi_ref_threadsafe_function(env, channel.settle);
}

void remove_pending(napi_env env, PlanChannel& channel) {
  if (--channel.pending == 0) napi_unref_threadsafe_function(env, channel.settle);
}

// Runs on JavaScript's thread; `env` is null while the environment ends.
void settle_call(napi_env env, napi_value settle, void* context, void* data) {
  Call* const call = static_cast<Call*>(data);
  if (env != nullptr) {
    remove_pending(env, *static_cast<PlanChannel*>(context));
    const napi_value values[] = {Napi::Number::New(env, call->id),
                                 outcome_value(env, call->outcome)};
    napi_value receiver = nullptr;
    napi_value result = nullptr;
    napi_get_undefined(env, &receiver);
    napi_call_function(env, receiver, settle, 2, values, &result);
  }
  std::free(call);
}

PlanChannel* g_free_channels = nullptr;
Mutex g_free_mutex;

// Null without memory.
PlanChannel* allocate_channel() {
  g_free_mutex.lock();
  PlanChannel* channel = g_free_channels;
  if (channel != nullptr) g_free_channels = channel->next_free;
  g_free_mutex.unlock();
  if (channel == nullptr) {
    void* memory = fails_here() ? nullptr : std::malloc(sizeof(PlanChannel));
    if (memory == nullptr) return nullptr;
    channel = new (memory) PlanChannel{};
  }
  channel->report = report;
  channel->closing = false;
  channel->pending = 0;
  return channel;
}

// Lets a later environment use the channel.
void release_channel(PlanChannel& channel) {
  g_free_mutex.lock();
  channel.next_free = g_free_channels;
  g_free_channels = &channel;
  g_free_mutex.unlock();
}

// Called before the environment frees its arrays.
void close_channel(void* data) {
  PlanChannel& channel = *static_cast<PlanChannel*>(data);
  channel.close();
  release_channel(channel);
}

// The channel of the environment, made by its first call; null without memory.
PlanChannel* channel_of(Arguments& arguments, napi_value settle) {
  PlanChannel*& channel = arguments.data().channel;
  if (channel != nullptr) return channel;
  const napi_env env = arguments.env();
  PlanChannel* const made = allocate_channel();
  if (made == nullptr) return nullptr;
  if (napi_create_threadsafe_function(env, settle, nullptr,
                                      Napi::String::New(env, "batchnorm plan"), 0, 1, nullptr,
                                      nullptr, made, settle_call, &made->settle) != napi_ok) {
    release_channel(*made);
    return nullptr;
  }
  napi_unref_threadsafe_function(env, made->settle);
  // Hooks run in reverse order: before the one that ends the function above.
  napi_add_env_cleanup_hook(env, close_channel, made);
  channel = made;
  return made;
}

// openLanes(arenas, settle): calls settle(id, outcome) for each call that ends. All lanes of an
// environment have the same function.
napi_value open_lanes(Arguments& arguments) {
  const napi_env env = arguments.env();
  Memory* arenas = nullptr;
  size_t count = 0;
  const Outcome outcome = read_memories(env, arguments.value(), arenas, count);
  if (outcome != Outcome::kDone) return fail_plan(arguments, outcome);
  PlanChannel* const channel = channel_of(arguments, arguments.value());
  auto* lanes = channel == nullptr ? nullptr : External<Lanes>::create();
  const bool opened = lanes != nullptr && lanes->object.open(*channel, arenas, count);
  std::free(arenas);
  if (opened) return wrap(env, lanes);
  if (lanes != nullptr) External<Lanes>::destroy(lanes);
  return fail_plan(arguments, Outcome::kOutOfMemory);
}

PlanChannel& channel_of(Lanes& lanes) { return static_cast<PlanChannel&>(lanes.channel()); }

// start(lanes, plan, input, output, id): false without memory or threads
napi_value start_call(Arguments& arguments) {
  const napi_env env = arguments.env();
  Lanes* lanes = unwrap<Lanes>(arguments);
  const Program* program = unwrap<Program>(arguments);
  Memory input = {};
  Memory output = {};
  if (lanes == nullptr || program == nullptr || !read_memory(env, arguments.value(), input) ||
      !read_memory(env, arguments.value(), output)) {
    return fail_plan(arguments);
  }
  Call* call = Call::create(*program, input, output, arguments.number("id"));
  const bool started = call != nullptr && lanes->start(call);
  if (started) add_pending(env, channel_of(*lanes));
  if (!started) std::free(call);
  return Napi::Boolean::New(env, started);
}

// stop(lanes, id): stops a running call, which is reported as usual. A waiting one is removed and
// not reported; then the result is true.
napi_value stop_call(Arguments& arguments) {
  const napi_env env = arguments.env();
  Lanes* lanes = unwrap<Lanes>(arguments);
  if (lanes == nullptr) return fail_plan(arguments);
  Call* const removed = lanes->stop(arguments.number("id"));
  if (removed != nullptr) remove_pending(env, channel_of(*lanes));
  std::free(removed);
  return Napi::Boolean::New(env, removed != nullptr);
}

}  // namespace

void export_plan_calls(Napi::Object& plans) {
  export_function<open_lanes>(plans, "openLanes");
  export_function<start_call>(plans, "start");
  export_function<stop_call>(plans, "stop");
}

}  // namespace batchnorm
