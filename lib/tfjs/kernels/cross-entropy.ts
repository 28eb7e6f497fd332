import { sameShape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { type Call, isFloats, type Kernel } from '../kernel.js';

// The categorical cross entropy of tfjs-layers: outputs are divided by their sum, clipped to [epsilon, 1 - epsilon], and
// loss = -sum(target * log(output)) of each row.

interface Rows {
  readonly columns: number;
  readonly output: Float32Array;
  readonly target: ArrayLike<number>;
  readonly lowest: number;
  readonly highest: number;
}

function rowsOf({ backend, inputs: { output, target }, attrs }: Call): Rows | undefined {
  if (!isFloats(output) || target === undefined || !sameShape(output.shape, target.shape)) return undefined;
  const epsilon = Number(attrs.epsilon);
  return {
    columns: output.shape[output.shape.length - 1],
    output: backend.dataOf(output).floats(),
    target: backend.dataOf(target).numbers(),
    lowest: Math.fround(epsilon),
    highest: Math.fround(1 - epsilon),
  };
}

function sumOf(values: Float32Array, begin: number, end: number): number {
  let sum = 0;
  for (let i = begin; i < end; i++) sum += values[i];
  return sum;
}

/** The loss of each row. */
export const crossEntropy: Kernel = (call) => {
  const { output: info } = call.inputs;
  const rows = rowsOf(call);
  if (rows === undefined || info === undefined) return undefined;
  const { columns, output, target, lowest, highest } = rows;
  const losses = storagePool.take(output.length / columns);
  for (let row = 0; row < losses.length; row++) {
    const begin = row * columns;
    const sum = sumOf(output, begin, begin + columns);
    // One-hot targets need one logarithm, unless there is a NaN to find.
    const skipsZeros = Number.isFinite(sum) && sum !== 0;
    let loss = 0;
    for (let i = begin; i < begin + columns; i++) {
      if (target[i] === 0 && skipsZeros) continue;
      const share = Math.fround(output[i] / sum);
      loss -= target[i] * Math.log(Math.min(highest, Math.max(lowest, share)));
    }
    losses[row] = loss;
  }
  return call.backend.output(info.shape.slice(0, -1), losses);
};

/** The gradient of the output or, with `of: 'target'`, of the target. */
export const crossEntropyGradient: Kernel = (call) => {
  const { output: info, dy } = call.inputs;
  const rows = rowsOf(call);
  if (rows === undefined || info === undefined || !isFloats(dy)) return undefined;
  const { columns, output, target, lowest, highest } = rows;
  const gradients = call.backend.dataOf(dy).floats();
  const result = storagePool.take(output.length);
  for (let row = 0; row < gradients.length; row++) {
    const begin = row * columns;
    const end = begin + columns;
    const sum = sumOf(output, begin, end);
    // Of the sum that divides the outputs.
    let shared = 0;
    for (let i = begin; i < end; i++) {
      const share = Math.fround(output[i] / sum);
      if (call.attrs.of === 'target') {
        result[i] = -gradients[row] * Math.log(Math.min(highest, Math.max(lowest, share)));
        continue;
      }
      const isInside = share >= lowest && share <= highest;
      const gradient = isInside ? (-gradients[row] * target[i]) / share : 0;
      result[i] = gradient;
      shared += gradient * share;
    }
    if (call.attrs.of === 'target') continue;
    for (let i = begin; i < end; i++) result[i] = (result[i] - shared) / sum;
  }
  return call.backend.output(info.shape, result);
};
