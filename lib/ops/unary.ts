import { recorded, graphsOf } from '../autograd/record.js';
import { backend, type Unary } from '../backend/index.js';
import type { Shape } from '../tensor/shape.js';
import { Storage } from '../tensor/storage.js';
import type { Tape } from '../tensor/tape.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';

/** A function of each element and its derivative, by what that reads: the input or the output. */
interface Rule {
  readonly forward: Unary;
  readonly reads: 'input' | 'output';
  /** dx from the value read and dy. */
  readonly backward: (n: number, value: Float32Array, dy: Float32Array, dx: Float32Array) => void;
}

const two = new Float32Array([2]);

export const exp = operation({
  forward: backend.exp,
  reads: 'output',
  backward: (n, y, dy, dx) => backend.mul(1, n, n, dy, y, dx),
});

export const log = operation({
  forward: backend.log,
  reads: 'input',
  backward: (n, x, dy, dx) => backend.div(1, n, n, dy, x, dx),
});

/** dy / (2 y) */
export const sqrt = operation({
  forward: backend.sqrt,
  reads: 'output',
  backward: (n, y, dy, dx) => {
    backend.div(1, n, n, dy, y, dx);
    backend.div(1, n, 1, dx, two, dx);
  },
});

/** 2 x dy */
export const square = operation({
  forward: backend.square,
  reads: 'input',
  backward: (n, x, dy, dx) => {
    backend.mul(1, n, n, dy, x, dx);
    backend.mul(1, n, 1, dx, two, dx);
  },
});

export const relu = operation({
  forward: backend.relu,
  reads: 'output',
  backward: backend.reluBackward,
});

function operation(rule: Rule) {
  return <S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> => {
    const inputs = [x];
    const graphs = graphsOf(inputs);
    const input = storageOf(x);
    const n = input.values.length;
    const output = Storage.take(n);
    rule.forward(n, input.values, output.values);
    return recorded(graphs, inputs, x.shape, output, () => {
      const read = rule.reads === 'input' ? input : output;
      return {
        saved: [read],
        backward: (dy, give) => {
          const dx = Storage.take(n);
          rule.backward(n, read.values, dy.values, dx.values);
          give(0, dx);
        },
      };
    });
  };
}
