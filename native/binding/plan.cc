// Compiled plans: lists of operations that run without JavaScript in between, on its thread or on
// others. Their memory belongs to arrays that lib/plan/native-engine.ts keeps alive.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "plan/executors.h"
#include "system/threads.h"

namespace batchnorm {

using Memory = PlannedArguments::Memory;

enum class Outcome { kDone, kStopped, kOutOfMemory, kInvalid };

namespace {

struct Step {
  Result (*run)(Arguments&);
  // Indices of the step's first argument and of the next step's.
  size_t begin, end;
};

// What JavaScript may pass as one of these objects.
enum class Kind : uint32_t { kProgram = 0x42504c4e, kLanes = 0x424c4e53 };

struct Program {
  static constexpr Kind kKind = Kind::kProgram;
  const Kind kind = kKind;
  const Kernels* kernels = nullptr;
  Step* steps = nullptr;
  size_t step_count = 0;
  double* numbers = nullptr;
  Memory* memories = nullptr;
  size_t memory_count = 0;

  ~Program() {
    std::free(steps);
    std::free(numbers);
    std::free(memories);
  }
};

// The arena, the input and the output of a call.
using CallMemories = Memory[PlannedArguments::kOfCall];

Outcome run_program(const Program& program, const CallMemories& memories,
                    const std::atomic<bool>* stopped, const std::atomic<bool>* closing) {
  for (size_t i = 0; i < program.step_count; i++) {
    if (stopped != nullptr &&
        (stopped->load(std::memory_order_relaxed) || closing->load(std::memory_order_relaxed))) {
      return Outcome::kStopped;
    }
    const Step& step = program.steps[i];
    Arguments arguments(*program.kernels, {program.numbers + step.begin, program.numbers + step.end,
                                           memories, program.memories, program.memory_count});
    step.run(arguments);
    if (!arguments.ok()) {
      return arguments.out_of_memory() ? Outcome::kOutOfMemory : Outcome::kInvalid;
    }
  }
  return Outcome::kDone;
}

template <class T>
T* allocate(size_t count) {
  return static_cast<T*>(std::malloc(count > 0 ? count * sizeof(T) : 1));
}

template <class T>
void destroy(napi_env, void* object, void*) {
  delete static_cast<T*>(object);
}

// A value of JavaScript that owns the object, or null, with an exception pending, without memory.
template <class T>
napi_value wrap(napi_env env, T* object) {
  napi_value external = nullptr;
  if (napi_create_external(env, object, destroy<T>, nullptr, &external) != napi_ok) delete object;
  return external;
}

template <class T>
T* unwrap(Arguments& arguments) {
  void* object = nullptr;
  napi_get_value_external(arguments.env(), arguments.value(), &object);
  if (object == nullptr || *static_cast<Kind*>(object) != T::kKind) return nullptr;
  return static_cast<T*>(object);
}

napi_value fail(Arguments& arguments) {
  napi_throw_error(arguments.env(), "ERR_BATCHNORM_INTERNAL", "Expected the arguments of a plan");
  return nullptr;
}

bool read_memory(napi_env env, napi_value array, Memory& memory) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &memory.length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != napi_float32_array) {
    return false;
  }
  memory.data = static_cast<float*>(data);
  return true;
}

// All elements of an array of Float32Arrays; null if there is another value or no memory.
Memory* read_memories(napi_env env, napi_value arrays, size_t& count) {
  uint32_t length = 0;
  if (napi_get_array_length(env, arrays, &length) != napi_ok) return nullptr;
  Memory* memories = allocate<Memory>(length);
  for (uint32_t i = 0; memories != nullptr && i < length; i++) {
    napi_value array = nullptr;
    if (napi_get_element(env, arrays, i, &array) != napi_ok ||
        !read_memory(env, array, memories[i])) {
      std::free(memories);
      return nullptr;
    }
  }
  count = length;
  return memories;
}

const PlannedOperation* find_operation(const AddonData& data, napi_env env, napi_value text) {
  char name[64] = {};
  size_t length = 0;
  if (napi_get_value_string_utf8(env, text, name, sizeof name, &length) != napi_ok) return nullptr;
  for (size_t i = 0; i < data.operation_count; i++) {
    if (std::strcmp(data.operations[i].name, name) == 0) return &data.operations[i];
  }
  return nullptr;
}

// Reads the names of the operations, one for each step, and the numbers: for each step, how many
// there are, and they.
bool read_steps(Arguments& arguments, Program& program) {
  const napi_env env = arguments.env();
  const napi_value names = arguments.value();
  uint32_t count = 0;
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* numbers = nullptr;
  if (napi_get_array_length(env, names, &count) != napi_ok ||
      napi_get_typedarray_info(env, arguments.value(), &type, &length, &numbers, nullptr,
                               nullptr) != napi_ok ||
      type != napi_float64_array) {
    return false;
  }
  program.steps = allocate<Step>(count);
  program.numbers = allocate<double>(length);
  if (program.steps == nullptr || program.numbers == nullptr) return false;
  if (length > 0) std::memcpy(program.numbers, numbers, length * sizeof(double));
  size_t next = 0;
  for (uint32_t i = 0; i < count; i++) {
    napi_value name = nullptr;
    napi_get_element(env, names, i, &name);
    const PlannedOperation* operation = find_operation(arguments.data(), env, name);
    if (operation == nullptr || next >= length) return false;
    const double given = program.numbers[next++];
    if (!(given >= 0 && given <= static_cast<double>(length - next))) return false;
    program.steps[i] = {operation->run, next, next + static_cast<size_t>(given)};
    next = program.steps[i].end;
  }
  program.step_count = count;
  return true;
}

// create(names, numbers, constants)
napi_value create_plan(Arguments& arguments) {
  Program* program = new Program;
  program->kernels = &arguments.kernels();
  if (read_steps(arguments, *program)) {
    program->memories = read_memories(arguments.env(), arguments.value(), program->memory_count);
  }
  if (program->memories != nullptr) return wrap(arguments.env(), program);
  delete program;
  return fail(arguments);
}

bool read_call(Arguments& arguments, Memory& input, Memory& output) {
  const napi_env env = arguments.env();
  return read_memory(env, arguments.value(), input) && read_memory(env, arguments.value(), output);
}

napi_value number(napi_env env, Outcome outcome) {
  return Napi::Number::New(env, static_cast<double>(outcome));
}

// run(plan, arena, input, output): an Outcome
napi_value run_plan(Arguments& arguments) {
  const Program* program = unwrap<Program>(arguments);
  CallMemories memories = {};
  if (program == nullptr || !read_memory(arguments.env(), arguments.value(), memories[0]) ||
      !read_call(arguments, memories[1], memories[2])) {
    return fail(arguments);
  }
  return number(arguments.env(), run_program(*program, memories, nullptr, nullptr));
}

}  // namespace

// What the asynchronous calls of one environment have in common. Never freed, because the thread
// that ended the last call may not have left the mutex yet; a later environment uses it again.
struct PlanChannel {
  napi_threadsafe_function settle;
  std::atomic<bool> closing;
  // Calls of JavaScript that have not settled.
  size_t pending;

  Mutex mutex;
  Condition idle;
  // Calls that executors know, under the mutex.
  size_t active;

  PlanChannel* next_free;
};

namespace {

struct Lanes;

// A call. JavaScript knows it by its number.
struct Call {
  Call* next;
  double id;
  const Program* program;
  Memory input, output;
  std::atomic<bool> stopped;
  Outcome outcome;
};

// One of the calls that compute at the same time.
struct Lane : Errand {
  Lanes* lanes;
  Memory arena;
  Call* call;  // null while idle
};

// Computes calls in the order of their start, one in each lane at a time.
struct Lanes {
  static constexpr Kind kKind = Kind::kLanes;
  const Kind kind = kKind;
  PlanChannel* channel = nullptr;
  Mutex mutex;
  Call* first = nullptr;
  Call* last = nullptr;
  Lane* all = nullptr;
  size_t count = 0;

  ~Lanes() { std::free(all); }

  // The next waiting call, or null; under the mutex.
  Call* take() {
    Call* const call = first;
    if (call != nullptr) first = call->next;
    if (first == nullptr) last = nullptr;
    return call;
  }
};

// Reports a call that has ended to JavaScript. The call is freed there.
void deliver(PlanChannel& channel, Call* call) {
  if (channel.closing.load(std::memory_order_acquire) ||
      napi_call_threadsafe_function(channel.settle, call, napi_tsfn_nonblocking) != napi_ok) {
    std::free(call);
  }
  channel.mutex.lock();
  channel.active--;
  if (channel.active == 0) channel.idle.wake_all();
  channel.mutex.unlock();
}

void run_lane(Errand* errand) {
  Lane& lane = *static_cast<Lane*>(errand);
  Lanes& lanes = *lane.lanes;
  PlanChannel& channel = *lanes.channel;
  for (Call* call = lane.call; call != nullptr;) {
    const CallMemories memories = {lane.arena, call->input, call->output};
    call->outcome = run_program(*call->program, memories, &call->stopped, &channel.closing);
    // Before the call is reported: without calls, JavaScript may free the lanes.
    lanes.mutex.lock();
    Call* const next = lanes.take();
    lane.call = next;
    lanes.mutex.unlock();
    deliver(channel, call);
    call = next;
  }
}

// Runs on JavaScript's thread; `env` is null while the environment ends.
void settle_call(napi_env env, napi_value settle, void* context, void* data) {
  Call* const call = static_cast<Call*>(data);
  if (env != nullptr) {
    PlanChannel& channel = *static_cast<PlanChannel*>(context);
    if (--channel.pending == 0) napi_unref_threadsafe_function(env, channel.settle);
    const napi_value values[] = {Napi::Number::New(env, call->id), number(env, call->outcome)};
    napi_value receiver = nullptr;
    napi_value result = nullptr;
    napi_get_undefined(env, &receiver);
    napi_call_function(env, receiver, settle, 2, values, &result);
  }
  std::free(call);
}

PlanChannel* g_free_channels = nullptr;
Mutex g_free_mutex;

PlanChannel* allocate_channel() {
  g_free_mutex.lock();
  PlanChannel* channel = g_free_channels;
  if (channel != nullptr) g_free_channels = channel->next_free;
  g_free_mutex.unlock();
  if (channel == nullptr) channel = new PlanChannel{};
  channel->closing = false;
  channel->pending = 0;
  return channel;
}

// Called before the environment frees its arrays: stops every call and waits for the running
// operations.
void close_channel(void* data) {
  PlanChannel& channel = *static_cast<PlanChannel*>(data);
  channel.closing.store(true, std::memory_order_release);
  channel.mutex.lock();
  while (channel.active > 0) channel.idle.wait(channel.mutex);
  channel.mutex.unlock();
  g_free_mutex.lock();
  channel.next_free = g_free_channels;
  g_free_channels = &channel;
  g_free_mutex.unlock();
}

// openLanes(arenas, settle): calls settle(id, outcome) for each call that ends. All lanes of an
// environment have the same function.
napi_value open_lanes(Arguments& arguments) {
  const napi_env env = arguments.env();
  size_t count = 0;
  Memory* arenas = read_memories(env, arguments.value(), count);
  if (arenas == nullptr) return fail(arguments);
  PlanChannel*& channel = arguments.data().channel;
  if (channel == nullptr) {
    PlanChannel* const made = allocate_channel();
    if (napi_create_threadsafe_function(env, arguments.value(), nullptr,
                                        Napi::String::New(env, "batchnorm plan"), 0, 1, nullptr,
                                        nullptr, made, settle_call, &made->settle) != napi_ok) {
      std::free(arenas);
      return fail(arguments);
    }
    napi_unref_threadsafe_function(env, made->settle);
    // Hooks run in reverse order: before the one that ends the function above.
    napi_add_env_cleanup_hook(env, close_channel, made);
    channel = made;
  }
  Lanes* lanes = new Lanes;
  lanes->channel = channel;
  lanes->count = count;
  lanes->all = allocate<Lane>(count);
  for (size_t i = 0; lanes->all != nullptr && i < count; i++) {
    Lane* lane = new (&lanes->all[i]) Lane{};
    lane->run = run_lane;
    lane->lanes = lanes;
    lane->arena = arenas[i];
  }
  std::free(arenas);
  if (lanes->all != nullptr) return wrap(env, lanes);
  delete lanes;
  return fail(arguments);
}

// start(lanes, plan, input, output, id): false without memory or threads
napi_value start_plan(Arguments& arguments) {
  const napi_env env = arguments.env();
  Lanes* lanes = unwrap<Lanes>(arguments);
  const Program* program = unwrap<Program>(arguments);
  Memory input = {};
  Memory output = {};
  if (lanes == nullptr || program == nullptr || !read_call(arguments, input, output)) {
    return fail(arguments);
  }
  void* memory = std::malloc(sizeof(Call));
  if (memory == nullptr) return Napi::Boolean::New(env, false);
  Call* call = new (memory) Call{};
  call->program = program;
  call->input = input;
  call->output = output;
  call->id = arguments.number("id");
  PlanChannel& channel = *lanes->channel;

  channel.mutex.lock();
  channel.active++;
  channel.mutex.unlock();
  lanes->mutex.lock();
  Lane* idle = nullptr;
  for (size_t i = 0; idle == nullptr && i < lanes->count; i++) {
    if (lanes->all[i].call == nullptr) idle = &lanes->all[i];
  }
  if (idle != nullptr) {
    idle->call = call;
  } else {
    (lanes->last == nullptr ? lanes->first : lanes->last->next) = call;
    lanes->last = call;
  }
  lanes->mutex.unlock();
  if (idle != nullptr && !send(idle)) {
    lanes->mutex.lock();
    idle->call = nullptr;
    lanes->mutex.unlock();
    std::free(call);
    channel.mutex.lock();
    channel.active--;
    channel.mutex.unlock();
    return Napi::Boolean::New(env, false);
  }
  if (channel.pending++ == 0) napi_ref_threadsafe_function(env, channel.settle);
  return Napi::Boolean::New(env, true);
}

// stop(lanes, id): stops a running call, which is reported as usual. A waiting one is removed
// and not reported; then the result is true.
napi_value stop_plan(Arguments& arguments) {
  const napi_env env = arguments.env();
  Lanes* lanes = unwrap<Lanes>(arguments);
  if (lanes == nullptr) return fail(arguments);
  const double id = arguments.number("id");
  Call* removed = nullptr;
  lanes->mutex.lock();
  for (size_t i = 0; i < lanes->count; i++) {
    Call* const running = lanes->all[i].call;
    if (running != nullptr && running->id == id) running->stopped = true;
  }
  for (Call *previous = nullptr, *call = lanes->first; call != nullptr; call = call->next) {
    if (call->id == id) {
      removed = call;
      (previous == nullptr ? lanes->first : previous->next) = call->next;
      if (lanes->last == call) lanes->last = previous;
      break;
    }
    previous = call;
  }
  lanes->mutex.unlock();
  if (removed != nullptr) {
    std::free(removed);
    PlanChannel& channel = *lanes->channel;
    channel.mutex.lock();
    channel.active--;
    channel.mutex.unlock();
    if (--channel.pending == 0) napi_unref_threadsafe_function(env, channel.settle);
  }
  return Napi::Boolean::New(env, removed != nullptr);
}

}  // namespace

void export_plan(Exports& exports) {
  Napi::Object plans = Napi::Object::New(exports.Env());
  export_function<create_plan>(plans, "create");
  export_function<run_plan>(plans, "run");
  export_function<open_lanes>(plans, "openLanes");
  export_function<start_plan>(plans, "start");
  export_function<stop_plan>(plans, "stop");
  exports.Set("plans", plans);
}

}  // namespace batchnorm
