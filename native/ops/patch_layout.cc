#include "ops/patch_layout.h"

#include <algorithm>

#include "ops/line_copy.h"
#include "ops/sizes.h"

namespace batchnorm {

namespace {

bool needs_no_padding(size_t image, size_t out, const KernelAxis& axis) {
  return axis.stride == 1 && axis.first >= 0 &&
         out + static_cast<size_t>(axis.first) + axis.max_inputs_before() <= image;
}

}  // namespace

PatchLayout PatchLayout::plan(const InputWindow& window, size_t band_rows, size_t lanes,
                              ShortRows short_rows) {
  PatchLayout layout = {};
  layout.window = window;
  layout.row_phases = window.row_axis.phases();
  layout.column_phases = window.column_axis.phases();
  layout.row_period = window.row_axis.period();
  layout.column_period = window.column_axis.period();
  const bool direct = needs_no_padding(window.rows, window.out_rows, window.row_axis) &&
                      needs_no_padding(window.columns, window.out_columns, window.column_axis);
  // Vectors can continue in the next row only if even the last band holds a whole vector.
  const size_t last_rows = (window.out_rows - 1) % band_rows + 1;
  const bool flat = short_rows == ShortRows::kJoined && window.columns == window.out_columns &&
                    last_rows * window.columns >= lanes;
  if (direct && (flat || window.out_columns >= lanes)) {
    layout.is_direct = true;
    layout.pitch = window.columns;
    layout.channel_floats = window.rows * window.columns;
    return layout;
  }
  layout.pitch = window.out_columns + window.column_axis.max_inputs_before();
  if (window.out_columns < lanes && short_rows == ShortRows::kJoined) {
    layout.splits_columns = true;
    layout.column_phases = window.column_axis.count;
    layout.pitch = window.out_columns;
  }
  const size_t phase_rows = band_rows + window.row_axis.max_inputs_before();
  layout.phase_floats = saturating_sum(saturating_product(phase_rows, layout.pitch), kLineSlack);
  layout.channel_floats = saturating_product(
      saturating_product(layout.row_phases, layout.column_phases), layout.phase_floats);
  return layout;
}

size_t PatchLayout::floats(size_t channels) const {
  if (is_direct) return 0;
  return whole_lines(saturating_sum(saturating_product(channels, channel_floats), kCopySlack));
}

size_t PatchLayout::offset(size_t channel, size_t row_tap, size_t column_tap) const {
  const KernelAxis& columns = window.column_axis;
  const size_t column_phase = splits_columns ? column_tap : column_tap % column_period;
  const size_t column = splits_columns ? 0 : columns.inputs_before(column_tap);
  // A direct layout has a single phase.
  const size_t phase = row_tap % row_period * column_phases + column_phase;
  return channel * channel_floats + (is_direct ? 0 : phase * phase_floats) +
         window.row_axis.inputs_before(row_tap) * pitch + column;
}

const float* PatchLayout::fill(const Kernels& kernels, const float* image, size_t channels,
                               size_t first_row, size_t out_rows, float* memory) const {
  if (is_direct) {
    return image + (first_row + static_cast<size_t>(window.row_axis.first)) * window.columns +
           static_cast<size_t>(window.column_axis.first);
  }
  if (kernels.fill_patch_rows != nullptr && window.column_axis.stride <= 2) {
    fill_by_kernel(kernels, image, channels, first_row, out_rows, memory);
  } else {
    fill_by_lines(image, channels, first_row, out_rows, memory);
  }
  return memory;
}

// Where the phases of a column begin: the first input of each, relative to the axis' first.
size_t PatchLayout::column_start(size_t phase) const {
  const KernelAxis& columns = window.column_axis;
  return splits_columns ? phase * columns.step : columns.phase_start(phase);
}

// The first row of the image in a phase of a band.
ptrdiff_t PatchLayout::first_source(size_t row_phase, size_t first_row) const {
  const KernelAxis& rows = window.row_axis;
  return static_cast<ptrdiff_t>(first_row * rows.stride) + rows.first +
         static_cast<ptrdiff_t>(rows.phase_start(row_phase));
}

// Whether two column phases are filled in one pass: the second begins one pixel after the first.
bool PatchLayout::fills_pairs() const {
  return window.column_axis.stride == 2 && column_phases == 2 && !splits_columns;
}

void PatchLayout::fill_by_kernel(const Kernels& kernels, const float* image, size_t channels,
                                 size_t first_row, size_t out_rows, float* memory) const {
  const size_t stride = window.row_axis.stride;
  const size_t rows = out_rows + window.row_axis.max_inputs_before();
  PatchRows fill = {};
  fill.x_channel = window.rows * window.columns;
  fill.x_row = window.columns * stride;
  fill.width = window.columns;
  fill.stride = window.column_axis.stride;
  fill.count = pitch;
  fill.channels = channels;
  fill.to_channel = channel_floats;
  const size_t step = fills_pairs() ? 2 : 1;
  for (size_t row_phase = 0; row_phase < row_phases; row_phase++) {
    const PaddedLine line(window.rows, first_source(row_phase, first_row), stride, rows);
    fill.above = line.begin;
    fill.rows = line.end - line.begin;
    fill.below = rows - line.end;
    fill.x = fill.rows == 0 ? image : image + static_cast<size_t>(line.source) * window.columns;
    for (size_t phase = 0; phase < column_phases; phase += step) {
      fill.first = window.column_axis.first + static_cast<ptrdiff_t>(column_start(phase));
      fill.to = memory + (row_phase * column_phases + phase) * phase_floats;
      fill.other = step == 2 ? fill.to + phase_floats : nullptr;
      kernels.fill_patch_rows(fill);
    }
  }
}

void PatchLayout::fill_by_lines(const float* image, size_t channels, size_t first_row,
                                size_t out_rows, float* memory) const {
  const KernelAxis& columns = window.column_axis;
  const ptrdiff_t row_stride = static_cast<ptrdiff_t>(window.row_axis.stride);
  const ptrdiff_t image_rows = static_cast<ptrdiff_t>(window.rows);
  const size_t rows = out_rows + window.row_axis.max_inputs_before();
  const bool in_pairs = fills_pairs();
  const auto line_of = [&](size_t phase) {
    return PaddedLine(window.columns, columns.first + static_cast<ptrdiff_t>(column_start(phase)),
                      columns.stride, pitch);
  };
  const PaddedLine line = line_of(0);
  const PaddedLine other = line_of(in_pairs ? 1 : 0);
  for (size_t channel = 0; channel < channels; channel++, image += window.rows * window.columns) {
    float* phases = memory + channel * channel_floats;
    for (size_t row_phase = 0; row_phase < row_phases; row_phase++) {
      const ptrdiff_t first = first_source(row_phase, first_row);
      const auto fill_phase = [&](const auto& copy_row, size_t count) {
        for (size_t row = 0; row < rows; row++) {
          const ptrdiff_t source = first + static_cast<ptrdiff_t>(row) * row_stride;
          float* to = phases + row * pitch;
          if (source < 0 || source >= image_rows) {
            for (size_t i = 0; i < count; i++)
              clear_steps(to + i * phase_floats, to + i * phase_floats + pitch);
          } else {
            copy_row(image + static_cast<size_t>(source) * window.columns, to);
          }
        }
        phases += count * phase_floats;
      };
      if (in_pairs) {
        fill_phase([&](const float* from,
                       float* to) { copy_two_lines(from, line, other, to, to + phase_floats); },
                   2);
        continue;
      }
      for (size_t column_phase = 0; column_phase < column_phases; column_phase++) {
        const PaddedLine own = line_of(column_phase);
        fill_phase([&](const float* from, float* to) { copy_line(from, own, columns.stride, to); },
                   1);
      }
    }
  }
}

Prefetch PatchLayout::prefetch(const float* image, size_t channels, size_t first_row,
                               size_t out_rows, size_t calls) const {
  const KernelAxis& axis = window.row_axis;
  const ptrdiff_t begin = static_cast<ptrdiff_t>(first_row * axis.stride) + axis.first;
  const ptrdiff_t end = begin + static_cast<ptrdiff_t>((out_rows - 1) * axis.stride +
                                                       (axis.count - 1) * axis.step + 1);
  const ptrdiff_t limit = static_cast<ptrdiff_t>(window.rows);
  const size_t first = static_cast<size_t>(std::clamp<ptrdiff_t>(begin, 0, limit));
  const size_t last = static_cast<size_t>(std::clamp<ptrdiff_t>(end, 0, limit));
  return Prefetch(image + first * window.columns, channels, (last - first) * window.columns,
                  window.rows * window.columns, calls);
}

}  // namespace batchnorm
