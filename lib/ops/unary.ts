import { recorded, graphsOf } from '../core/record.js';
import { named } from '../backend/argument.js';
import { backend, type Operations } from '../backend/index.js';
import { observer } from '../core/observer.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { requireFinite } from '../validation/errors.js';
import type { AnyTensor } from './operand.js';
import { scriptOperations } from './script-operations.js';

/** An operation of the backend, which is looked up in each call because a capture replaces it. */
type UnaryName = 'exp' | 'log' | 'sqrt' | 'square' | 'relu' | 'abs' | 'sigmoid' | 'tanh' | 'gelu' | 'silu';

/** A function of each element and its derivative, which reads the input or the output. */
interface Rule {
  readonly forward: UnaryName | Operations['exp'];
  readonly reads: 'input' | 'output';
  /** Computes dx from that value and dy. */
  readonly backward: Operations['reluBackward'];
}

export const exp = operation({
  forward: 'exp',
  reads: 'output',
  backward: backend.expBackward,
});

export const log = operation({
  forward: 'log',
  reads: 'input',
  backward: backend.logBackward,
});

export const sqrt = operation({
  forward: 'sqrt',
  reads: 'output',
  backward: backend.sqrtBackward,
});

export const square = operation({
  forward: 'square',
  reads: 'input',
  backward: backend.squareBackward,
});

export const relu = operation({
  forward: 'relu',
  reads: 'output',
  backward: backend.reluBackward,
});

export const abs = operation({
  forward: 'abs',
  reads: 'input',
  backward: backend.absBackward,
});

export const sigmoid = operation({
  forward: 'sigmoid',
  reads: 'output',
  backward: backend.sigmoidBackward,
});

export const tanh = operation({
  forward: 'tanh',
  reads: 'output',
  backward: backend.tanhBackward,
});

export const gelu = operation({
  forward: 'gelu',
  reads: 'input',
  backward: backend.geluBackward,
});

export const silu = operation({
  forward: 'silu',
  reads: 'input',
  backward: backend.siluBackward,
});

export const sin = operation({
  forward: (n, x, y) => {
    if (observer?.computes('sin', [n, x, y]) !== true) scriptOperations.sin(n, x, y);
  },
  reads: 'input',
  backward: (n, dyLength, x, dy, dx) => {
    const step = dyLength === 1 ? 0 : 1;
    for (let i = 0; i < n; i++) dx[i] = Math.cos(x[i]) * dy[i * step];
  },
});

export const cos = operation({
  forward: (n, x, y) => {
    if (observer?.computes('cos', [n, x, y]) !== true) scriptOperations.cos(n, x, y);
  },
  reads: 'input',
  backward: (n, dyLength, x, dy, dx) => {
    const step = dyLength === 1 ? 0 : 1;
    for (let i = 0; i < n; i++) dx[i] = -Math.sin(x[i]) * dy[i * step];
  },
});

/** x > 0 ? x : slope * x */
export function leakyRelu<S extends Shape, T extends Tape>(x: Tensor<S, T>, slope: number): Tensor<S, T> {
  return operation({
    forward: (n, input, y) => backend.leakyRelu(n, slope, input, y),
    reads: 'input',
    backward: (n, dyLength, input, dy, dx) =>
      backend.leakyReluBackward(n, dyLength, slope, named('x', input), dy, dx),
  })(x);
}

function operation(rule: Rule) {
  return <S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> => {
    const inputs = [x];
    const graphs = graphsOf(inputs);
    const input = storageOf(x);
    const n = input.values.length;
    const output = Storage.take(n);
    const { forward } = rule;
    if (typeof forward === 'string') backend[forward](n, input.named('x'), output.named('y'));
    else forward(n, input.named('x'), output.named('y'));
    return recorded(graphs, inputs, x.shape, output, () => {
      const read = rule.reads === 'input' ? input : output;
      return {
        saved: [read],
        backward: (dy, accumulate) => {
          const dx = Storage.take(n);
          const gradient = named('dy', dy.compact);
          rule.backward(n, gradient.length, read.named('value'), gradient, dx.named('dx'));
          accumulate(0, dx);
        },
      };
    });
  };
}

/** The element-wise methods of `Tensor`. */
export interface UnaryMethods<S extends Shape, T extends Tape> {
  /** e to the power of each value. */
  exp(): Tensor<S, T>;

  /** Natural logarithm. */
  log(): Tensor<S, T>;

  /** Square root of each value. */
  sqrt(): Tensor<S, T>;

  /** The square of each value. */
  square(): Tensor<S, T>;

  /** max(x, 0); the gradient at 0 is 0. */
  relu(): Tensor<S, T>;

  /** max(x, 0) + slope * min(x, 0); the gradient at 0 is the slope. */
  leakyRelu(slope: number): Tensor<S, T>;

  /** 1 / (1 + exp(-x)). */
  sigmoid(): Tensor<S, T>;

  /** Hyperbolic tangent. */
  tanh(): Tensor<S, T>;

  /**
   * x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))): the approximation by Hendrycks and Gimpel (2016)
   * of x times the normal distribution function.
   */
  gelu(): Tensor<S, T>;

  /** x / (1 + exp(-x)), also known as Swish (Elfwing, Uchibe and Doya, 2018). */
  silu(): Tensor<S, T>;

  /** Absolute value; the gradient at 0 is 0. */
  abs(): Tensor<S, T>;

  /** Sine of each value, in radians. */
  sin(): Tensor<S, T>;

  /** Cosine of each value, in radians. */
  cos(): Tensor<S, T>;
}

export const unaryMethods = {
  exp(this: AnyTensor): AnyTensor {
    return exp(this);
  },
  log(this: AnyTensor): AnyTensor {
    return log(this);
  },
  sqrt(this: AnyTensor): AnyTensor {
    return sqrt(this);
  },
  square(this: AnyTensor): AnyTensor {
    return square(this);
  },
  relu(this: AnyTensor): AnyTensor {
    return relu(this);
  },
  leakyRelu(this: AnyTensor, slope: number): AnyTensor {
    return leakyRelu(this, requireFinite('slope', slope));
  },
  sigmoid(this: AnyTensor): AnyTensor {
    return sigmoid(this);
  },
  tanh(this: AnyTensor): AnyTensor {
    return tanh(this);
  },
  gelu(this: AnyTensor): AnyTensor {
    return gelu(this);
  },
  silu(this: AnyTensor): AnyTensor {
    return silu(this);
  },
  abs(this: AnyTensor): AnyTensor {
    return abs(this);
  },
  sin(this: AnyTensor): AnyTensor {
    return sin(this);
  },
  cos(this: AnyTensor): AnyTensor {
    return cos(this);
  },
};
