// Groups over MPI: loads the library, and makes the calls of lib/distributed/mpi-transport.ts.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "binding/arguments.h"
#include "binding/exports.h"
#include "mpi/background.h"
#include "mpi/exchange.h"
#include "mpi/library.h"
#include "mpi/queue.h"
#include "mpi/session.h"
#include "system/threads.h"

namespace batchnorm {

namespace {

const MpiLibrary* g_library = nullptr;

napi_value text(napi_env env, const char* value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

// (path): undefined, or why the library cannot be used.
napi_value load(Arguments& arguments) {
  char path[4096];
  char error[512] = "the path is too long";
  if (arguments.text(path, sizeof path)) {
    g_library = load_mpi(path, error, sizeof error);
    if (g_library != nullptr) return nullptr;
  }
  return text(arguments.env(), error);
}

napi_value version(Arguments& arguments) {
  return text(arguments.env(), g_library == nullptr ? "" : g_library->version);
}

napi_value rank(Arguments& arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(mpi_session().rank));
}

napi_value size(Arguments& arguments) {
  return Napi::Number::New(arguments.env(), static_cast<double>(mpi_session().size));
}

// A job whose end settles a promise on JavaScript's thread.
struct PromiseJob : MpiJob {
  napi_deferred deferred = nullptr;
  napi_threadsafe_function settle = nullptr;
  // On the queue's thread.
  void (*work)(PromiseJob&) = nullptr;
  // On JavaScript's thread; what the promise resolves to.
  napi_value (*result)(PromiseJob&, napi_env) = nullptr;
  void (*release)(PromiseJob&, napi_env) = nullptr;
};

void run_promise_job(MpiJob* base) {
  PromiseJob* job = static_cast<PromiseJob*>(base);
  job->work(*job);
  const napi_threadsafe_function settle = job->settle;
  // Fails while the environment ends; then nobody waits for the promise.
  napi_call_threadsafe_function(settle, job, napi_tsfn_nonblocking);
  napi_release_threadsafe_function(settle, napi_tsfn_release);
}

void settle_promise(napi_env env, napi_value, void*, void* data) {
  PromiseJob* job = static_cast<PromiseJob*>(data);
  if (env == nullptr) return;  // the process ends
  napi_value value = job->result(*job, env);
  napi_resolve_deferred(env, job->deferred, value);
  job->release(*job, env);
  std::free(job);
}

// Makes the promise of a job and starts it; null if that fails.
napi_value start_promise_job(napi_env env, PromiseJob* job) {
  napi_value promise = nullptr;
  job->run = run_promise_job;
  const bool made =
      napi_create_promise(env, &job->deferred, &promise) == napi_ok &&
      napi_create_threadsafe_function(env, nullptr, nullptr, text(env, "batchnorm"), 0, 1, nullptr,
                                      nullptr, nullptr, settle_promise, &job->settle) == napi_ok;
  if (made && enqueue(job)) return promise;
  if (job->settle != nullptr) napi_release_threadsafe_function(job->settle, napi_tsfn_abort);
  return nullptr;
}

napi_value fail_to_start(Arguments& arguments) {
  napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_OUT_OF_MEMORY",
                         "Out of memory for an asynchronous call of a group");
  return nullptr;
}

template <class Job>
Job* allocate_job() {
  void* memory = std::malloc(sizeof(Job));
  return memory == nullptr ? nullptr : new (memory) Job;
}

struct StartJob : PromiseJob {
  char error[512] = {};
};

// (): a promise of undefined, or of why MPI cannot be initialized.
napi_value start(Arguments& arguments) {
  if (g_library == nullptr) {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_MPI",
                           "There is no MPI library to start");
    return nullptr;
  }
  StartJob* job = allocate_job<StartJob>();
  if (job == nullptr) return fail_to_start(arguments);
  job->work = [](PromiseJob& base) {
    StartJob& self = static_cast<StartJob&>(base);
    start_mpi(*g_library, self.error, sizeof self.error);
  };
  job->result = [](PromiseJob& base, napi_env env) {
    StartJob& self = static_cast<StartJob&>(base);
    napi_value value = nullptr;
    if (self.error[0] != '\0') return text(env, self.error);
    napi_get_undefined(env, &value);
    return value;
  };
  job->release = [](PromiseJob&, napi_env) {};
  if (napi_value promise = start_promise_job(arguments.env(), job); promise != nullptr) {
    return promise;
  }
  std::free(job);
  return fail_to_start(arguments);
}

struct ReadCall {
  MpiCall call = {};
  FloatValues values;
  FloatValues result;
  FloatValues report;
};

// (kind, reduction, root, number, values, result, timeout, report); false with an exception if they
// do not fit.
bool read_call(Arguments& arguments, size_t channel, ReadCall* read) {
  MpiCall& call = read->call;
  call.channel = channel;
  call.kind = static_cast<CallKind>(arguments.size("kind"));
  call.reduction = static_cast<Reduction>(arguments.size("reduction"));
  call.root = arguments.size("root");
  call.number = arguments.number("number");
  read->values = arguments.values("values");
  read->result = arguments.values("result");
  call.timeout = arguments.number("timeout");
  read->report = arguments.values("report");
  if (!arguments.ok()) return false;
  const FloatValues& values = read->values;
  const size_t size = mpi_session().size;
  const size_t copies = call.kind == CallKind::kAllGather ? size : 1;
  const bool fits = size > 0 && call.root < size && read->result.bytes == values.bytes &&
                    read->result.length / copies >= values.length &&
                    read->report.bytes == sizeof(double) &&
                    read->report.length >= size * kReportLength;
  if (!fits) {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_SHAPE",
                           "Expected arrays that fit the group");
    return false;
  }
  call.bytes = values.bytes;
  call.length = values.length;
  call.values = values.data;
  call.result = read->result.data;
  call.report = reinterpret_cast<double*>(read->report.data);
  return true;
}

// (kind, reduction, root, number, values, result, timeout, report), of which `result` and `report`
// are not written: starts a call that collect() waits for; false without memory.
napi_value post(Arguments& arguments) {
  ReadCall read;
  if (!read_call(arguments, 1, &read)) return nullptr;
  return Napi::Boolean::New(arguments.env(), post_call(read.call));
}

napi_value status_number(napi_env env, MpiStatus status) {
  return Napi::Number::New(env, static_cast<double>(status));
}

// (number, result, report): the status of a posted call.
napi_value collect(Arguments& arguments) {
  const double number = arguments.number("number");
  const FloatValues result = arguments.values("result");
  const FloatValues report = arguments.values("report");
  if (!arguments.ok()) return nullptr;
  if (report.bytes != sizeof(double) || report.length < mpi_session().size * kReportLength) {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_SHAPE",
                           "Expected arrays that fit the group");
    return nullptr;
  }
  return status_number(arguments.env(),
                       collect_call(number, result.data, result.length * result.bytes,
                                    reinterpret_cast<double*>(report.data)));
}

napi_value run(Arguments& arguments) {
  ReadCall read;
  if (!read_call(arguments, 0, &read)) return nullptr;
  return status_number(arguments.env(), exchange(read.call));
}

// A call on copies of its arrays, which JavaScript might transfer or free before it ends.
struct CallJob : PromiseJob {
  MpiCall call = {};
  MpiStatus status = MpiStatus::kDone;
  uint8_t* values = nullptr;
  uint8_t* received = nullptr;
  double* report = nullptr;
  size_t received_bytes = 0;
  size_t report_bytes = 0;
  napi_ref result_array = nullptr;
  napi_ref report_array = nullptr;
};

void copy_back(napi_env env, napi_ref reference, const void* from, size_t bytes) {
  napi_value array = nullptr;
  size_t length = 0;
  void* data = nullptr;
  napi_typedarray_type type = napi_int8_array;
  if (napi_get_reference_value(env, reference, &array) != napi_ok || array == nullptr ||
      napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok) {
    return;
  }
  // A detached array has length 0.
  const size_t room = length * (type == napi_float32_array ? sizeof(float) : sizeof(double));
  if (bytes > 0 && room >= bytes) std::memcpy(data, from, bytes);
}

void release_call_job(PromiseJob& base, napi_env env) {
  CallJob& self = static_cast<CallJob&>(base);
  if (self.result_array != nullptr) napi_delete_reference(env, self.result_array);
  if (self.report_array != nullptr) napi_delete_reference(env, self.report_array);
  std::free(self.values);
  std::free(self.received);
  std::free(self.report);
}

bool prepare(CallJob* job, const ReadCall& read, napi_env env) {
  const MpiCall& call = read.call;
  const size_t copies = call.kind == CallKind::kAllGather ? mpi_session().size : 1;
  const size_t bytes = call.length * call.bytes;
  job->received_bytes = bytes * copies;
  job->report_bytes = mpi_session().size * kReportLength * sizeof(double);
  job->values = static_cast<uint8_t*>(std::malloc(bytes + 1));
  job->received = static_cast<uint8_t*>(std::malloc(job->received_bytes + 1));
  job->report = static_cast<double*>(std::calloc(1, job->report_bytes));
  if (job->values == nullptr || job->received == nullptr || job->report == nullptr) return false;
  if (bytes > 0) std::memcpy(job->values, call.values, bytes);
  job->call = call;
  job->call.values = job->values;
  job->call.result = job->received;
  job->call.report = job->report;
  return napi_create_reference(env, read.result.array, 1, &job->result_array) == napi_ok &&
         napi_create_reference(env, read.report.array, 1, &job->report_array) == napi_ok;
}

// As run(), but returns a promise of the status.
napi_value begin(Arguments& arguments) {
  ReadCall read;
  if (!read_call(arguments, 1, &read)) return nullptr;
  CallJob* job = allocate_job<CallJob>();
  if (job == nullptr) return fail_to_start(arguments);
  job->work = [](PromiseJob& base) {
    CallJob& self = static_cast<CallJob&>(base);
    self.status = exchange(self.call);
  };
  job->result = [](PromiseJob& base, napi_env env) {
    CallJob& self = static_cast<CallJob&>(base);
    if (self.status == MpiStatus::kDone)
      copy_back(env, self.result_array, self.received, self.received_bytes);
    copy_back(env, self.report_array, self.report, self.report_bytes);
    return status_number(env, self.status);
  };
  job->release = release_call_job;
  if (prepare(job, read, arguments.env())) {
    if (napi_value promise = start_promise_job(arguments.env(), job); promise != nullptr)
      return promise;
  }
  release_call_job(*job, arguments.env());
  std::free(job);
  return fail_to_start(arguments);
}

// (reduction, own rank, stride, own, all, result): the reduction of the values of workers. `all`
// has those of rank 0, `stride` elements later those of rank 1, and so on; `own` replaces those of
// this rank.
napi_value reduce_ranks(Arguments& arguments) {
  const Reduction reduction = static_cast<Reduction>(arguments.size("reduction"));
  const size_t own_rank = arguments.size("rank");
  const size_t stride = arguments.size("stride");
  const FloatValues own = arguments.values("own");
  const FloatValues all = arguments.values("all");
  const FloatValues result = arguments.values("result");
  if (!arguments.ok()) return nullptr;
  const size_t n = result.length;
  const bool fits = own.bytes == result.bytes && all.bytes == result.bytes && own.length == n &&
                    stride >= n && n > 0 && all.length >= n;
  if (!fits) {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_SHAPE",
                           "Expected arrays that fit the group");
    return nullptr;
  }
  const size_t count = (all.length - n) / stride + 1;
  reduce(reduction, result.bytes, {all.data, stride * all.bytes, count, own_rank, own.data}, n,
         result.data);
  return nullptr;
}

napi_value error(Arguments& arguments) { return text(arguments.env(), mpi_error()); }

struct FinalizeJob : MpiJob {
  std::atomic<bool> done{false};
};

// (timeout in ms): whether MPI was finalized in time. On the thread that initialized it, as MPI
// demands.
napi_value finalize(Arguments& arguments) {
  // Outlives this call if it takes too long.
  static FinalizeJob job;
  const double timeout = arguments.number("timeout");
  if (!arguments.ok()) return nullptr;
  job.run = [](MpiJob* base) {
    finalize_mpi();
    static_cast<FinalizeJob*>(base)->done = true;
  };
  const long long deadline = nanoseconds() + static_cast<long long>(timeout * 1e6);
  bool waiting = enqueue(&job);
  while (waiting && !job.done && nanoseconds() < deadline) sleep_nanoseconds(200 * 1000);
  return Napi::Boolean::New(arguments.env(), job.done);
}

// (exit code): ends all processes of the job.
napi_value abort(Arguments& arguments) {
  const size_t code = arguments.size("code");
  if (arguments.ok() && mpi_session().loaded != nullptr) abort_mpi(static_cast<int>(code));
  return nullptr;
}

}  // namespace

void export_mpi(Exports& exports) {
  Napi::Object mpi = Napi::Object::New(exports.Env());
  export_function<load>(mpi, "load");
  export_function<version>(mpi, "version");
  export_function<start>(mpi, "start");
  export_function<rank>(mpi, "rank");
  export_function<size>(mpi, "size");
  export_function<run>(mpi, "run");
  export_function<begin>(mpi, "begin");
  export_function<post>(mpi, "post");
  export_function<collect>(mpi, "collect");
  export_function<error>(mpi, "error");
  export_function<reduce_ranks>(mpi, "reduceRanks");
  export_function<finalize>(mpi, "finalize");
  export_function<abort>(mpi, "abort");
  exports.Set("mpi", mpi);
}

}  // namespace batchnorm
