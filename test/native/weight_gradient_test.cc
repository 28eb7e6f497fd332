// The two kernels of weight gradients, of every ISA: sums over pixels of what taps see times dy.
#include "support.h"

using batchnorm::Kernels;
using batchnorm::WeightGradientPlanes;
using batchnorm::WeightGradientTile;
using support::Guarded;
using support::Random;

namespace {

constexpr size_t kImages = 2, kLines = 3;

// What taps see lies in lines with a gap behind each, taps beginning anywhere in the first one.
struct Seen {
  Seen(size_t columns, size_t tap_count)
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

TEST_CASE("weight_gradient_planes: adds every tap by every channel, nothing beside") {
  FOR_EACH_ISA(kernels) {
    for (size_t vectors : {1, 2, 5}) {
      const size_t columns = vectors * kernels.lanes;
      const size_t taps = kernels.planes_taps, channels = kernels.planes_channels;
      const Seen seen(columns, taps);
      const size_t dy_line = columns + 3, dy_channel = kLines * dy_line + 2;
      Guarded dy(kImages * channels * dy_channel, 3);
      Random random(vectors);
      dy.fill(random);
      const size_t stride = channels + 2;
      std::vector<double> sums(taps * stride, 7.5);

      WeightGradientPlanes planes = {};
      planes.x = seen.x.data();
      planes.offsets = seen.offsets.data();
      planes.images = kImages;
      planes.image_stride = seen.image;
      planes.rows = kLines;
      planes.row_stride = seen.line;
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
                const size_t place = (i * channels + channel) * dy_channel + row * dy_line + pixel;
                expected += seen.at(i, row, pixel, tap) * static_cast<double>(dy[place]);
              }
            }
          }
          CHECK(support::near(sums[tap * stride + channel], expected, 1e-5));
        }
      }
    }
  }
}

TEST_CASE("weight_gradient_tile: adds every tap by one vector or two of channels") {
  FOR_EACH_ISA(kernels) {
    for (size_t vectors : {1, 2}) {
      for (size_t columns : {1, 2, 7, 32}) {
        const size_t taps = kernels.weight_gradient_rows, channels = vectors * kernels.lanes;
        const Seen seen(columns, taps);
        const size_t stride = channels + 3;
        Guarded dy(kImages * kLines * columns * stride, 1);
        Random random(columns);
        dy.fill(random);
        std::vector<double> sums(taps * stride, 7.5);

        WeightGradientTile tile = {};
        tile.x = seen.x.data();
        tile.offsets = seen.offsets.data();
        tile.images = kImages;
        tile.image_stride = seen.image;
        tile.rows = kLines;
        tile.row_stride = seen.line;
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
                  const size_t place = (i * kLines + row) * columns + pixel;
                  expected += seen.at(i, row, pixel, tap) *
                              static_cast<double>(dy[place * stride + channel]);
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
