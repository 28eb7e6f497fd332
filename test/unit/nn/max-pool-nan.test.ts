import { backward, MaxPool2D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

const [height, width] = [5, 37]; // rows longer than the widest vector, with a remainder

/** Top left corners of the windows, in the order of the output. */
function* windows(kernel: number, stride: number, padding: number) {
  for (let top = -padding; top + kernel <= height + padding; top += stride) {
    for (let left = -padding; left + kernel <= width + padding; left += stride) yield [top, left];
  }
}

describe('MaxPool2D', () => {
  for (const [kernel, stride, padding] of [
    [2, 2, 0],
    [3, 1, 1],
    [3, 2, 1],
    [2, 3, 1],
  ] as const) {
    it(`propagates a NaN at any place of a window: kernel ${kernel}, stride ${stride}, padding ${padding}`, () => {
      const pool = new MaxPool2D(kernel, { stride, padding });
      const data = values(seeded(1), height * width);
      const corners = [...windows(kernel, stride, padding)];
      for (let place = 0; place < data.length; place++) {
        const [row, column] = [Math.floor(place / width), place % width];
        const withNaN = data.slice();
        withNaN[place] = NaN;
        const x = Tensor.from(withNaN, [1, height, width]);
        const y = pool.forward(x.trace());
        let windowsAround = 0;
        corners.forEach(([top, left], window) => {
          const inside = row >= top && row < top + kernel && column >= left && column < left + kernel;
          if (inside) windowsAround++;
          expect(Number.isNaN(y.data[window]), `NaN at ${row}, ${column}; window ${window}`).to.equal(inside);
        });
        // Every window that contains the NaN passes its whole gradient to it.
        const dx = backward(y.sum()).get(x)?.data ?? new Float32Array(0);
        expect(dx[place], `gradient at ${row}, ${column}`).to.equal(windowsAround);
      }
    });
  }
});
