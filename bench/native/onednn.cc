// oneDNN's batch normalization in its plain and blocked layouts. Needs Debian's libdnnl-dev.
#include <memory>
#include <unordered_map>

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "server.h"

namespace {

using dnnl::memory;
using Forward = dnnl::batch_normalization_forward;
using Backward = dnnl::batch_normalization_backward;

struct State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

void fill(const memory& m, size_t n, float offset) {
  float* values = static_cast<float*>(m.get_data_handle());
  for (size_t i = 0; i < n; i++) {
    values[i] = static_cast<float>(i * 2654435761u % 1000) / 500 - 1 + offset;
  }
}

bench::Runs prepare(const bench::Case& c) {
  omp_set_num_threads(static_cast<int>(c.threads));
  auto state = std::make_shared<State>();
  const memory::dims dims = {
      static_cast<memory::dim>(c.images), static_cast<memory::dim>(c.channels),
      static_cast<memory::dim>(c.rows), static_cast<memory::dim>(c.columns)};
  const memory::dims channels = {static_cast<memory::dim>(c.channels)};
  const std::pair<const char*, memory::format_tag> layouts[] = {
      {"nchw", memory::format_tag::nchw},
      {"nChw8c", memory::format_tag::nChw8c},
      {"nChw16c", memory::format_tag::nChw16c},  // with AVX-512
      {"nhwc", memory::format_tag::nhwc}};
  bench::Runs runs;
  for (const auto& [layout, tag] : layouts) {
    const memory::desc tensor(dims, memory::data_type::f32, tag);
    const memory::desc vector(channels, memory::data_type::f32, memory::format_tag::a);
    const auto affine =
        dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift;
    const Forward::primitive_desc training(
        {dnnl::prop_kind::forward_training, tensor, 1e-5f, affine}, state->engine);
    const Forward::primitive_desc inference(
        {dnnl::prop_kind::forward_inference, tensor, 1e-5f,
         affine | dnnl::normalization_flags::use_global_stats},
        state->engine);
    const Backward::primitive_desc backward(
        {dnnl::prop_kind::backward, tensor, tensor, 1e-5f, affine}, state->engine, training);

    auto make = [&](const memory::desc& desc, size_t n, float offset) {
      memory result(desc, state->engine);
      fill(result, n, offset);
      return result;
    };
    const memory x = make(tensor, c.elements(), 0), y = make(tensor, c.elements(), 0),
                 dy = make(tensor, c.elements(), 0), mean = make(vector, c.channels, 0),
                 variance = make(vector, c.channels, 2), scale = make(vector, c.channels, 1),
                 shift = make(vector, c.channels, 0), dscale = make(vector, c.channels, 0),
                 dshift = make(vector, c.channels, 0);
    const std::unordered_map<int, memory> forward_arguments = {
        {DNNL_ARG_SRC, x},           {DNNL_ARG_DST, y},     {DNNL_ARG_MEAN, mean},
        {DNNL_ARG_VARIANCE, variance}, {DNNL_ARG_SCALE, scale}, {DNNL_ARG_SHIFT, shift}};
    const std::unordered_map<int, memory> backward_arguments = {
        {DNNL_ARG_SRC, x},       {DNNL_ARG_DIFF_DST, dy},        {DNNL_ARG_MEAN, mean},
        {DNNL_ARG_VARIANCE, variance}, {DNNL_ARG_SCALE, scale}, {DNNL_ARG_DIFF_SRC, y},
        {DNNL_ARG_SHIFT, shift}, {DNNL_ARG_DIFF_SCALE, dscale}, {DNNL_ARG_DIFF_SHIFT, dshift}};
    auto add = [&](const char* kernel, const dnnl::primitive& primitive, const auto& arguments) {
      runs.emplace_back(std::string(kernel) + ", " + layout, [state, primitive, arguments] {
        primitive.execute(state->stream, arguments);
        state->stream.wait();
      });
    };
    add("training", Forward(training), forward_arguments);
    add("inference", Forward(inference), forward_arguments);
    add("backward", Backward(backward), backward_arguments);
  }
  return runs;
}

}  // namespace

int main() { return bench::serve(prepare); }
