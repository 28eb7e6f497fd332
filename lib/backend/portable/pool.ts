import type { Operations } from '../operations.js';

/**
 * Visits the part of a plane that one window covers: rows from top to bottom, columns from left to right,
 * ends exclusive.
 */
type Visit = (x: number, y: number, top: number, bottom: number, left: number, right: number) => void;

/**
 * Calls visit(index of the plane's first element in x, index of the window's result in y, ...) for every
 * window.
 */
function eachWindow(
  planes: number,
  height: number,
  width: number,
  kernel: number,
  stride: number,
  padding: number,
  visit: Visit,
): void {
  let y = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (let row = -padding; row + kernel <= height + padding; row += stride) {
      const top = Math.max(0, row);
      const bottom = Math.min(height, row + kernel);
      for (let column = -padding; column + kernel <= width + padding; column += stride) {
        const right = Math.min(width, column + kernel);
        visit(plane * height * width, y++, top, bottom, Math.max(0, column), right);
      }
    }
  }
}

export const maxPool: Operations['maxPool'] = (planes, height, width, kernel, stride, padding, x, y) => {
  eachWindow(planes, height, width, kernel, stride, padding, (plane, window, top, bottom, left, right) => {
    let largest = -Infinity;
    for (let row = top; row < bottom; row++) {
      for (let i = plane + row * width + left; i < plane + row * width + right; i++) {
        // A NaN becomes the maximum and stays it, because no value is larger.
        if (x[i] > largest || Number.isNaN(x[i])) largest = x[i];
      }
    }
    y[window] = largest;
  });
};

/** A window's gradient goes to its first maximum or NaN. */
export const maxPoolBackward: Operations['maxPoolBackward'] = (
  planes,
  height,
  width,
  kernel,
  stride,
  padding,
  x,
  y,
  dy,
  dx,
) => {
  dx.fill(0, 0, planes * height * width);
  eachWindow(planes, height, width, kernel, stride, padding, (plane, window, top, bottom, left, right) => {
    const largest = y[window];
    for (let row = top; row < bottom; row++) {
      for (let i = plane + row * width + left; i < plane + row * width + right; i++) {
        if (x[i] !== largest && !Number.isNaN(x[i])) continue;
        dx[i] += dy[window];
        return;
      }
    }
  });
};

export const avgPool: Operations['avgPool'] = (planes, height, width, kernel, stride, padding, x, y) => {
  eachWindow(planes, height, width, kernel, stride, padding, (plane, window, top, bottom, left, right) => {
    let sum = 0;
    for (let row = top; row < bottom; row++) {
      for (let i = plane + row * width + left; i < plane + row * width + right; i++) sum += x[i];
    }
    y[window] = sum / (kernel * kernel);
  });
};

export const avgPoolBackward: Operations['avgPoolBackward'] = (
  planes,
  height,
  width,
  kernel,
  stride,
  padding,
  dy,
  dx,
) => {
  dx.fill(0, 0, planes * height * width);
  eachWindow(planes, height, width, kernel, stride, padding, (plane, window, top, bottom, left, right) => {
    const part = dy[window] / (kernel * kernel);
    for (let row = top; row < bottom; row++) {
      for (let i = plane + row * width + left; i < plane + row * width + right; i++) dx[i] += part;
    }
  });
};
