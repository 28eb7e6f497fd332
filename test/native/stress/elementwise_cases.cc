// Cases of arithmetic, where and dropout.
#include "ops/elementwise.h"

#include <algorithm>
#include <iterator>

#include "stress/comparison.h"
#include "stress/operations.h"
#include "stress/values.h"

namespace stress {

namespace {

using batchnorm::Arithmetic;
using batchnorm::Dropout;
using batchnorm::Kernels;
using batchnorm::Operand;

struct Calculation {
  const char* name;
  Arithmetic Kernels::*operation;
  float (*of)(float a, float b);
};
constexpr Calculation kCalculations[] = {
    {"add", &Kernels::add, [](float a, float b) { return a + b; }},
    {"sub", &Kernels::sub, [](float a, float b) { return a - b; }},
    {"mul", &Kernels::mul, [](float a, float b) { return a * b; }},
    {"div", &Kernels::div, [](float a, float b) { return a / b; }},
    {"maximum", &Kernels::maximum, [](float a, float b) { return b < a || a != a ? a : b; }},
    {"minimum", &Kernels::minimum, [](float a, float b) { return a < b || a != a ? a : b; }},
    {"less", &Kernels::less, [](float a, float b) { return a < b ? 1.0f : 0.0f; }},
    {"less_equal", &Kernels::less_equal, [](float a, float b) { return a <= b ? 1.0f : 0.0f; }},
    {"greater", &Kernels::greater, [](float a, float b) { return a > b ? 1.0f : 0.0f; }},
    {"greater_equal", &Kernels::greater_equal,
     [](float a, float b) { return a >= b ? 1.0f : 0.0f; }},
    {"equal", &Kernels::equal, [](float a, float b) { return a == b ? 1.0f : 0.0f; }},
    {"not_equal", &Kernels::not_equal, [](float a, float b) { return a != b ? 1.0f : 0.0f; }}};

// The two words of the counter (counter, 0): Threefry-2x32 with 20 rounds (Salmon et al., Parallel
// random numbers: as easy as 1, 2, 3, 2011).
struct RandomWords {
  RandomWords(uint32_t counter, uint32_t key0, uint32_t key1) {
    constexpr int kRotations[] = {13, 15, 26, 6, 17, 29, 16, 24};
    const uint32_t keys[] = {key0, key1, key0 ^ key1 ^ 0x1bd11bdau};
    words[0] = counter + key0;
    words[1] = key1;
    for (uint32_t round = 0; round < 20; round++) {
      words[0] += words[1];
      const int bits = kRotations[round % 8];
      words[1] = (words[1] << bits | words[1] >> (32 - bits)) ^ words[0];
      if (round % 4 != 3) continue;
      const uint32_t injection = (round + 1) / 4;
      words[0] += keys[injection % 3];
      words[1] += keys[(injection + 1) % 3] + injection;
    }
  }
  uint32_t words[2];
};

}  // namespace

// Each element must be that of a or b.
static Outcome run_where(const Setting& setting) {
  Choices& choices = setting.choices;
  const size_t n = choose_elements(setting);
  Buffer condition = setting.buffer(n), a = setting.buffer(n), b = setting.buffer(n);
  Buffer out = setting.buffer(n), original_condition(n, 0), original_a(n, 0), original_b(n, 0);
  for (Buffer* buffer : {&condition, &a, &b}) fill(*buffer, choices);
  for (size_t i = 0; i < n; i++) {
    if (choices.flip()) condition[i] = choices.flip() ? 0.0f : -0.0f;
  }
  original_condition.copy_from(condition);
  original_a.copy_from(a);
  original_b.copy_from(b);
  Buffer* const outputs[] = {&out, &condition, &a, &b};
  Buffer& result = *outputs[choices.below(4)];
  Outcome outcome = setting.outcome("where", {n});
  batchnorm::where(setting.kernels, condition.data(), a.data(), b.data(), result.data(), n);
  outcome.failure = guards({&condition, &a, &b, &out});
  for (size_t i = 0; i < n && outcome.failure.empty(); i++) {
    const float expected = original_condition[i] != 0 ? original_a[i] : original_b[i];
    outcome.failure = compare("where", i, result[i], expected, 0);
  }
  outcome.digest = digest({&result});
  return outcome;
}

// Every result must be exact or correctly rounded.
Outcome run_arithmetic(const Setting& setting) {
  constexpr Operand kOperands[] = {Operand::kTensor, Operand::kRow, Operand::kScalar};
  Choices& choices = setting.choices;
  const size_t which = choices.below(std::size(kCalculations) + 1);
  if (which == std::size(kCalculations)) return run_where(setting);
  const Calculation& calculation = kCalculations[which];
  const Operand right = kOperands[choices.below(3)];
  const size_t columns = choose_plane(choices);
  const size_t rows = std::min(choices.below(300), setting.max_elements / (columns + 1));
  const size_t n = rows * columns;
  const size_t operands = right == Operand::kTensor ? n : right == Operand::kRow ? columns : 1;
  Buffer a = setting.buffer(n), b = setting.buffer(operands), out = setting.buffer(n);
  fill(a, choices);
  fill(b, choices);
  Buffer original_a(n, 0), original_b(operands, 0);
  original_a.copy_from(a);
  original_b.copy_from(b);
  // Sometimes in place of the left operand, or of the right one if it has the same size.
  Buffer* const outputs[] = {&out, &a, right == Operand::kTensor ? &b : &out};
  Buffer& result = *outputs[choices.below(3)];
  Outcome outcome = setting.outcome(calculation.name, {rows, columns});
  batchnorm::apply_arithmetic(setting.kernels, setting.kernels.*calculation.operation, right,
                              a.data(), b.data(), result.data(), rows, columns);
  outcome.failure = guards({&a, &b, &out});
  for (size_t i = 0; i < n && outcome.failure.empty(); i++) {
    const size_t place = right == Operand::kTensor ? i : right == Operand::kRow ? i % columns : 0;
    outcome.failure = compare(calculation.name, i, result[i],
                              calculation.of(original_a[i], original_b[place]), 0);
  }
  outcome.digest = digest({&result});
  return outcome;
}

// Each element must be 0 or x * scale, as the reference implementation of the generator decides.
Outcome run_dropout(const Setting& setting) {
  constexpr float kProbabilities[] = {0.5f, 0.1f, 0.9f, 0.0f, 1.0f};
  Choices& choices = setting.choices;
  const size_t n = choose_elements(setting);
  Dropout params = {};
  params.key0 = choices.word();
  params.key1 = choices.word();
  params.p = kProbabilities[choices.below(5)];
  params.scale = params.p < 1 ? 1 / (1 - params.p) : 0;
  Buffer x = setting.buffer(n), y = setting.buffer(n), original(n, 0);
  fill(x, choices);
  original.copy_from(x);
  Buffer& result = choices.flip() ? x : y;
  Outcome outcome = setting.outcome("dropout", {n});
  batchnorm::dropout(setting.kernels, x.data(), result.data(), n, params);
  outcome.failure = guards({&x, &y});
  for (size_t i = 0; i < n && outcome.failure.empty(); i++) {
    const RandomWords random(static_cast<uint32_t>(i / 32 * 16 + i % 16), params.key0, params.key1);
    const uint32_t word = random.words[i % 32 / 16];
    const bool dropped = static_cast<float>(word >> 8) / 0x1p24f < params.p;
    outcome.failure =
        compare("dropout", i, result[i], dropped ? 0.0f : original[i] * params.scale, 0);
  }
  outcome.digest = digest({&result});
  return outcome;
}

}  // namespace stress
