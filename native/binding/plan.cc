// Compiled plans: programs and their calls on JavaScript's thread. Their memory belongs to arrays
// that lib/plan/native-engine.ts keeps alive.
#include "binding/plan.h"

#include <cstdlib>
#include <cstring>

namespace batchnorm {

napi_value fail_plan(Arguments& arguments, Outcome outcome) {
  if (outcome == Outcome::kOutOfMemory) {
    napi_throw_range_error(arguments.env(), "ERR_BATCHNORM_OUT_OF_MEMORY",
                           "Out of memory for a plan");
  } else {
    napi_throw_error(arguments.env(), "ERR_BATCHNORM_INTERNAL", "Expected the arguments of a plan");
  }
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

Outcome read_memories(napi_env env, napi_value arrays, Memory*& memories, size_t& count) {
  uint32_t length = 0;
  if (napi_get_array_length(env, arrays, &length) != napi_ok) return Outcome::kInvalid;
  void* const allocated =
      fails_here() ? nullptr : std::malloc((size_t{length} + 1) * sizeof(Memory));
  Memory* const found = static_cast<Memory*>(allocated);
  if (found == nullptr) return Outcome::kOutOfMemory;
  for (uint32_t i = 0; i < length; i++) {
    napi_value array = nullptr;
    if (napi_get_element(env, arrays, i, &array) != napi_ok || !read_memory(env, array, found[i])) {
      std::free(found);
      return Outcome::kInvalid;
    }
  }
  memories = found;
  count = length;
  return Outcome::kDone;
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
Outcome read_steps(Arguments& arguments, Program& program) {
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
    return Outcome::kInvalid;
  }
  if (!program.set_numbers(static_cast<const double*>(numbers), length, count)) {
    return Outcome::kOutOfMemory;
  }
  size_t position = 0;
  for (uint32_t i = 0; i < count; i++) {
    napi_value name = nullptr;
    napi_get_element(env, names, i, &name);
    const PlannedOperation* operation = find_operation(arguments.data(), env, name);
    if (operation == nullptr ||
        !program.add_step(reinterpret_cast<StepFunction>(operation->run), position)) {
      return Outcome::kInvalid;
    }
  }
  return Outcome::kDone;
}

// Reads the numbers of parts and the lengths of a part: arena, input, output.
bool read_division(napi_env env, napi_value array, Division& division) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || length != 4) {
    return false;
  }
  const double* numbers = static_cast<const double*>(data);
  for (size_t i = 0; i < length; i++) {
    // Also false for NaN.
    if (!(numbers[i] >= 0 && numbers[i] < 9007199254740992.0)) return false;
  }
  const auto number = [&](size_t i) { return static_cast<size_t>(numbers[i]); };
  division = {number(0), number(1), number(2), number(3)};
  return division.parts > 0;
}

// Reads a plan, or undefined as null.
bool read_rest(Arguments& arguments, const Program*& rest) {
  const napi_value value = arguments.value();
  napi_valuetype type = napi_undefined;
  napi_typeof(arguments.env(), value, &type);
  rest = type == napi_external ? unwrap<Program>(arguments.env(), value) : nullptr;
  return type == napi_undefined || rest != nullptr;
}

// create(names, numbers, constants, division, rest)
napi_value create_plan(Arguments& arguments) {
  auto* external = External<Program>::create();
  if (external == nullptr) return fail_plan(arguments, Outcome::kOutOfMemory);
  Program& program = external->object;
  program.kernels = &arguments.kernels();
  program.compute = compute;
  Outcome outcome = read_steps(arguments, program);
  if (outcome == Outcome::kDone) {
    outcome =
        read_memories(arguments.env(), arguments.value(), program.memories, program.memory_count);
  }
  if (outcome == Outcome::kDone &&
      (!read_division(arguments.env(), arguments.value(), program.division) ||
       !read_rest(arguments, program.rest))) {
    outcome = Outcome::kInvalid;
  }
  if (outcome == Outcome::kDone) return wrap(arguments.env(), external);
  External<Program>::destroy(external);
  return fail_plan(arguments, outcome);
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
