// oneDNN's layer normalization; it has neither group nor instance norm. Implements the protocol of
// bench/native/server.h, where a case is
//
//   case IMAGES GROUPS CHANNELS PLANE THREADS
#include <memory>
#include <unordered_map>

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "native/server.h"

namespace {

using dnnl::memory;
using Forward = dnnl::layer_normalization_forward;
using Backward = dnnl::layer_normalization_backward;

struct NormCase {
  size_t images, groups, channels, plane, threads;
  bool read(const char* line) {
    return std::sscanf(line, "case %zu %zu %zu %zu %zu", &images, &groups, &channels, &plane,
                       &threads) == 5;
  }
};

struct State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

bench::Runs prepare(const NormCase& c) {
  if (c.groups != 1 || c.plane != 1) return {};
  omp_set_num_threads(static_cast<int>(c.threads));
  auto state = std::make_shared<State>();
  const auto rows = static_cast<memory::dim>(c.images);
  const auto columns = static_cast<memory::dim>(c.channels);
  const auto type = memory::data_type::f32;
  const memory::desc table({rows, columns}, type, memory::format_tag::ab);
  const memory::desc of_rows({rows}, type, memory::format_tag::a);
  const memory::desc of_columns({columns}, type, memory::format_tag::a);
  const auto affine = dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift;
  const Forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, table, of_rows, 1e-5f, affine}, state->engine);
  const Backward::primitive_desc backward(
      {dnnl::prop_kind::backward, table, table, of_rows, 1e-5f, affine}, state->engine, forward);

  auto make = [&](const memory::desc& desc, float offset) {
    memory result(desc, state->engine);
    float* values = static_cast<float*>(result.get_data_handle());
    for (size_t i = 0; i < desc.get_size() / sizeof(float); i++) {
      values[i] = static_cast<float>(i * 2654435761u % 1000) / 500 - 1 + offset;
    }
    return result;
  };
  const memory x = make(table, 0), y = make(table, 0), dy = make(table, 0), dx = make(table, 0),
               mean = make(of_rows, 0), variance = make(of_rows, 2), scale = make(of_columns, 1),
               shift = make(of_columns, 0), dscale = make(of_columns, 0),
               dshift = make(of_columns, 0);
  using Arguments = std::unordered_map<int, memory>;
  auto run = [state](const dnnl::primitive& primitive, const Arguments& arguments) {
    return [state, primitive, arguments] {
      primitive.execute(state->stream, arguments);
      state->stream.wait();
    };
  };
  return {{"forward", run(Forward(forward), {{DNNL_ARG_SRC, x},
                                             {DNNL_ARG_DST, y},
                                             {DNNL_ARG_MEAN, mean},
                                             {DNNL_ARG_VARIANCE, variance},
                                             {DNNL_ARG_SCALE, scale},
                                             {DNNL_ARG_SHIFT, shift}})},
          {"backward", run(Backward(backward), {{DNNL_ARG_SRC, x},
                                                {DNNL_ARG_DIFF_DST, dy},
                                                {DNNL_ARG_MEAN, mean},
                                                {DNNL_ARG_VARIANCE, variance},
                                                {DNNL_ARG_SCALE, scale},
                                                {DNNL_ARG_DIFF_SRC, dx},
                                                {DNNL_ARG_SHIFT, shift},
                                                {DNNL_ARG_DIFF_SCALE, dscale},
                                                {DNNL_ARG_DIFF_SHIFT, dshift}})}};
}

}  // namespace

int main() { return bench::serve(prepare); }
