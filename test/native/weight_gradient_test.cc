// The two kernels of weight gradients on every ISA against double precision: for each tap, the sum
// over pixels of x times dy.
#include "support.h"

using batchnorm::Kernels;
using batchnorm::WeightGradientPlanes;
using batchnorm::WeightGradientTile;
using support::Guarded;
using support::Random;

namespace {

constexpr size_t kImages = 2, kLines = 3;

// An input with gaps between its lines. Each tap begins at another offset in the first two lines.
struct Input {
  Input(size_t columns, size_t tap_count)
      : line(columns + 11), image(kLines * line + 5), x(kImages * image + line + 40, 1) {
    Random random(columns);
    x.fill(random);
    for (size_t tap = 0; tap < tap_count; tap++) offsets.push_back(tap * 7 % 19 + tap % 2 * line);
  }
  double at(size_t i, size_t row, size_t pixel, size_t tap) const {
    return static_cast<double>(x[i * image + row * line + pixel + offsets[tap]]);
  }

  size_t line, image;
  Guarded x;
  std::vector<size_t> offsets;
};

}  // namespace

TEST_CASE("weight_gradient_planes: adds to the sums of all taps and channels, and to no others") {
  FOR_EACH_ISA(kernels) {
    for (size_t vectors : {1, 2, 5}) {
      const size_t columns = vectors * kernels.lanes;
      const size_t taps = kernels.planes_taps, channels = kernels.planes_channels;
      const Input input(columns, taps);
      const size_t dy_line = columns + 3, dy_channel = kLines * dy_line + 2;
      Guarded dy(kImages * channels * dy_channel, 3);
      Random random(vectors);
      dy.fill(random);
      const size_t stride = channels + 2;
      std::vector<double> sums(taps * stride, 7.5);

      WeightGradientPlanes planes = {};
      planes.x = input.x.data();
      planes.offsets = input.offsets.data();
      planes.images = kImages;
      planes.image_stride = input.image;
      planes.rows = kLines;
      planes.row_stride = input.line;
      planes.columns = columns;
      planes.dy = dy.data();
      planes.dy_image_stride = channels * dy_channel;
      planes.dy_channel_stride = dy_channel;
      planes.dy_row_stride = dy_line;
      planes.sums = sums.data();
      planes.sums_stride = stride;
      kernels.weight_gradient_planes(planes);

      for (size_t tap = 0; tap < taps; tap++) {
        for (size_t channel = 0; channel < stride; channel++) {
          double expected = 7.5;
          for (size_t i = 0; i < kImages && channel < channels; i++) {
            for (size_t row = 0; row < kLines; row++) {
              for (size_t pixel = 0; pixel < columns; pixel++) {
                const size_t index = (i * channels + channel) * dy_channel + row * dy_line + pixel;
                expected += input.at(i, row, pixel, tap) * static_cast<double>(dy[index]);
              }
            }
          }
          CHECK(support::near(sums[tap * stride + channel], expected, 1e-5));
        }
      }
    }
  }
}

TEST_CASE("weight_gradient_tile: adds to the sums of all taps and one or two vectors of channels") {
  FOR_EACH_ISA(kernels) {
    for (size_t vectors : {1, 2}) {
      for (size_t columns : {1, 2, 7, 32}) {
        const size_t taps = kernels.weight_gradient_rows, channels = vectors * kernels.lanes;
        const Input input(columns, taps);
        const size_t stride = channels + 3;
        Guarded dy(kImages * kLines * columns * stride, 1);
        Random random(columns);
        dy.fill(random);
        std::vector<double> sums(taps * stride, 7.5);

        WeightGradientTile tile = {};
        tile.x = input.x.data();
        tile.offsets = input.offsets.data();
        tile.images = kImages;
        tile.image_stride = input.image;
        tile.rows = kLines;
        tile.row_stride = input.line;
        tile.columns = columns;
        tile.dy = dy.data();
        tile.dy_stride = stride;
        tile.sums = sums.data();
        tile.sums_stride = stride;
        (vectors == 1 ? kernels.narrow_weight_gradient_tile : kernels.weight_gradient_tile)(tile);

        for (size_t tap = 0; tap < taps; tap++) {
          for (size_t channel = 0; channel < stride; channel++) {
            double expected = 7.5;
            for (size_t i = 0; i < kImages && channel < channels; i++) {
              for (size_t row = 0; row < kLines; row++) {
                for (size_t pixel = 0; pixel < columns; pixel++) {
                  const size_t index = (i * kLines + row) * columns + pixel;
                  expected += input.at(i, row, pixel, tap) *
                              static_cast<double>(dy[index * stride + channel]);
                }
              }
            }
            CHECK(support::near(sums[tap * stride + channel], expected, 1e-5));
          }
        }
      }
    }
  }
}
