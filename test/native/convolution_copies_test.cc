// The kernels that copy the inputs of a convolution and join its input gradients, on every ISA,
// against their definition in kernels.h.
#include "support.h"

using batchnorm::InterleavedRows;
using batchnorm::PatchRows;
using support::Guarded;
using support::Random;

namespace {

struct Case {
  size_t width, count, stride;
  ptrdiff_t first;
  size_t above, rows, below;
};

// Rows of less than a vector, of whole vectors and of several; beginnings and ends inside the image
// and far outside of it; rows that are joined (as wide as the image and a part of a vector).
const Case kCases[] = {
    {32, 34, 1, -1, 1, 3, 1},   {16, 18, 1, -1, 0, 5, 2}, {8, 8, 1, -1, 1, 5, 1},
    {8, 8, 1, 0, 0, 4, 0},      {8, 8, 1, 3, 2, 3, 0},    {4, 4, 1, 1, 0, 7, 1},
    {1, 1, 1, 0, 1, 37, 1},     {2, 2, 1, -1, 0, 9, 0},   {7, 7, 1, -1, 1, 4, 1},
    {5, 40, 1, -17, 0, 2, 0},   {5, 6, 1, -9, 1, 2, 1},   {5, 6, 1, 9, 0, 2, 0},
    {33, 17, 2, -1, 1, 3, 0},   {32, 17, 2, -1, 0, 3, 1}, {32, 16, 2, 0, 0, 2, 0},
    {33, 17, 2, 0, 0, 3, 0},    {3, 40, 2, -20, 1, 2, 1}, {70, 36, 2, -1, 0, 2, 0},
    {9, 5, 2, -1, 2, 1, 2},     {1, 1, 2, 0, 0, 3, 0},    {20, 12, 1, 4, 0, 0, 0},
    {20, 12, 2, 4, 3, 0, 1},    {16, 16, 1, -1, 0, 2, 0}, {8, 8, 1, 9, 0, 3, 0},
    {500, 502, 1, -1, 1, 2, 1},
};

}  // namespace

TEST_CASE("fill_patch_rows: copies pixels, and writes zeros beside, above and below the image") {
  size_t kernels_with_masks = 0;
  FOR_EACH_ISA(kernels) {
    // The ISAs without masks copy line by line.
    if (kernels.fill_patch_rows == nullptr) continue;
    kernels_with_masks++;
    for (const Case& each : kCases) {
      for (const bool pairs : {false, true}) {
        if (pairs && each.stride == 1) continue;
        constexpr size_t kChannels = 3;
        PatchRows rows = {};
        rows.x_row = each.width;
        rows.x_channel = each.width * each.rows + 5;
        rows.width = each.width;
        rows.first = each.first;
        rows.stride = each.stride;
        rows.count = each.count;
        rows.channels = kChannels;
        rows.above = each.above;
        rows.rows = each.rows;
        rows.below = each.below;
        const size_t all_rows = each.above + each.rows + each.below;
        // Vectors may write on behind the last row.
        const size_t slack = kernels.lanes - 1;
        rows.to_channel = all_rows * each.count + slack;
        Guarded x(kChannels * rows.x_channel, 3);
        Random random(each.width);
        x.fill(random);
        Guarded to(kChannels * rows.to_channel, 1), other(to.size(), 2);
        Random garbage(7);
        to.fill(garbage);
        other.fill(garbage);
        std::vector<float> expected[] = {{to.data(), to.data() + to.size()},
                                         {other.data(), other.data() + other.size()}};
        for (size_t phase = 0; phase < (pairs ? 2u : 1u); phase++) {
          for (size_t i = 0; i < kChannels * all_rows * each.count; i++) {
            const size_t channel = i / (all_rows * each.count);
            const size_t row = i / each.count % all_rows - each.above;
            const ptrdiff_t column =
                each.first + static_cast<ptrdiff_t>(phase + i % each.count * each.stride);
            const bool inside =
                row < each.rows && column >= 0 && column < static_cast<ptrdiff_t>(each.width);
            expected[phase][channel * rows.to_channel + i % (all_rows * each.count)] =
                inside
                    ? x[channel * rows.x_channel + row * each.width + static_cast<size_t>(column)]
                    : 0.0f;
          }
        }
        rows.x = x.data();
        rows.to = to.data();
        rows.other = pairs ? other.data() : nullptr;
        kernels.fill_patch_rows(rows);
        CAPTURE(each.width);
        CAPTURE(each.count);
        CAPTURE(each.first);
        CHECK(to.guards_intact());
        CHECK(other.guards_intact());
        for (size_t channel = 0; channel < kChannels; channel++) {
          const size_t begin = channel * rows.to_channel;
          const size_t bytes = all_rows * each.count * sizeof(float);
          CHECK(std::memcmp(to.data() + begin, expected[0].data() + begin, bytes) == 0);
          CHECK(std::memcmp(other.data() + begin, expected[1].data() + begin, bytes) == 0);
        }
      }
    }
  }
  CHECK(kernels_with_masks == (batchnorm::find_kernels("avx512") == nullptr ? 0 : 1));
}

TEST_CASE("interleave_rows: even and odd columns, or one value; written or added") {
  FOR_EACH_ISA(kernels) {
    for (size_t width = 1; width <= 70; width += width < 36 ? 1 : 11) {
      for (size_t present = 0; present < 4; present++) {
        for (const bool adds : {false, true}) {
          constexpr size_t kRows = 3;
          const size_t stride = (width + 1) / 2 + 1, to_stride = width + 4;
          Guarded even(kRows * stride, 1), odd(even.size(), 2), to(kRows * to_stride, 3);
          Random random(width);
          for (Guarded* each : {&even, &odd, &to}) each->fill(random);
          std::vector<float> expected(to.data(), to.data() + to.size());
          for (size_t i = 0; i < kRows * width; i++) {
            const size_t row = i / width, column = i % width;
            const bool given = (present >> column % 2 & 1) != 0;
            const Guarded& from = column % 2 == 0 ? even : odd;
            const float value = given ? from[row * stride + column / 2] : 0.75f;
            float& result = expected[row * to_stride + column];
            result = adds ? result + value : value;
          }
          InterleavedRows rows = {};
          rows.even = (present & 1) == 0 ? nullptr : even.data();
          rows.odd = (present & 2) == 0 ? nullptr : odd.data();
          rows.unused = 0.75f;
          rows.rows = kRows;
          rows.width = width;
          rows.stride = stride;
          rows.to = to.data();
          rows.to_stride = to_stride;
          rows.adds = adds;
          kernels.interleave_rows(rows);
          CAPTURE(std::string(kernels.isa));
          CAPTURE(width);
          CAPTURE(present);
          CHECK(to.guards_intact());
          CHECK(std::memcmp(to.data(), expected.data(), to.size() * sizeof(float)) == 0);
        }
      }
    }
  }
}
