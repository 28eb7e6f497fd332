// Compiled plans: programs and their calls on JavaScript's thread. Their memory belongs to arrays
// that lib/plan/native-engine.ts keeps alive.
#include "binding/plan.h"

#include <cstdlib>
#include <cstring>

namespace batchnorm {

napi_value fail_plan(Arguments& arguments) {
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

Memory* read_memories(napi_env env, napi_value arrays, size_t& count) {
  uint32_t length = 0;
  if (napi_get_array_length(env, arrays, &length) != napi_ok) return nullptr;
  Memory* memories = static_cast<Memory*>(std::malloc((size_t{length} + 1) * sizeof(Memory)));
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

napi_value outcome_value(napi_env env, Outcome outcome) {
  return Napi::Number::New(env, static_cast<double>(outcome));
}

namespace {

using Run = Result (*)(Arguments&);

Outcome compute(StepFunction function, const Kernels* kernels, const PlannedArguments& planned) {
  Arguments arguments(*kernels, planned);
  reinterpret_cast<Run>(function)(arguments);
  if (arguments.ok()) return Outcome::kDone;
  return arguments.out_of_memory() ? Outcome::kOutOfMemory : Outcome::kInvalid;
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

// Reads the names of the operations, one for each step, and the numbers of Program::set_numbers.
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
      type != napi_float64_array ||
      !program.set_numbers(static_cast<const double*>(numbers), length, count)) {
    return false;
  }
  size_t position = 0;
  for (uint32_t i = 0; i < count; i++) {
    napi_value name = nullptr;
    napi_get_element(env, names, i, &name);
    const PlannedOperation* operation = find_operation(arguments.data(), env, name);
    if (operation == nullptr ||
        !program.add_step(reinterpret_cast<StepFunction>(operation->run), position)) {
      return false;
    }
  }
  return true;
}

// create(names, numbers, constants)
napi_value create_plan(Arguments& arguments) {
  auto* external = new External<Program>;
  Program& program = external->object;
  program.kernels = &arguments.kernels();
  program.compute = compute;
  if (read_steps(arguments, program)) {
    program.memories = read_memories(arguments.env(), arguments.value(), program.memory_count);
  }
  if (program.memories != nullptr) return wrap(arguments.env(), external);
  delete external;
  return fail_plan(arguments);
}

// run(plan, arena, input, output): an Outcome
napi_value run_plan(Arguments& arguments) {
  const Program* program = unwrap<Program>(arguments);
  CallMemories memories = {};
  if (program == nullptr) return fail_plan(arguments);
  for (Memory& each : memories) {
    if (!read_memory(arguments.env(), arguments.value(), each)) return fail_plan(arguments);
  }
  return outcome_value(arguments.env(), program->run(memories, nullptr, nullptr));
}

}  // namespace

void export_plan(Exports& exports) {
  Napi::Object plans = Napi::Object::New(exports.Env());
  export_function<create_plan>(plans, "create");
  export_function<run_plan>(plans, "run");
  export_plan_calls(plans);
  exports.Set("plans", plans);
}

}  // namespace batchnorm
