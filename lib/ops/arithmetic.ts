import { recorded, graphsOf } from '../core/record.js';
import { named } from '../backend/argument.js';
import { backend, type Operations } from '../backend/index.js';
import { wrongType } from '../validation/errors.js';
import { elementCount, sameShape, scalarShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { createTensor, isTensor, storageOf } from '../core/tensor.js';
import type { NoneTape } from '../core/tape.js';
import { broadcastShape, withShape } from './broadcast.js';
import type { AnyTensor } from './operand.js';

/** The left operand as rows x columns, and the length of the right one. */
interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly rightLength: number;
}

type ArithmeticName = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum';

/** The derivative of an element-wise operation a op b. */
interface Rule {
  /** Writes d(a op b)/da * dy into `out`; undefined if that is dy itself and needs no operand. */
  readonly left: Derivative | undefined;
  /** The same of d(a op b)/db, before it is summed to the shape of b. */
  readonly right: Derivative | undefined;
  /** d(a op b)/da * dy for one value, if it does not depend on a. */
  readonly ofNumbers?: (dy: number, b: number) => number;
}

/** Takes storages, since the views of one operation may be empty in the next. */
type Derivative = (layout: Layout, dy: Storage, a: Storage, b: Storage, out: Storage) => void;

const half = new Float32Array([0.5]);
const minusOne = new Float32Array([-1]);

function multiply(a: Storage, b: Float32Array, out: Storage): void {
  backend.mul(1, a.values.length, b.length, a.named('a'), named('b', b), out.named('out'));
}

function divide({ rows, columns, rightLength }: Layout, a: Storage, b: Storage, out: Storage): void {
  backend.div(rows, columns, rightLength, a.named('a'), b.named('b'), out.named('out'));
}

const rules: Record<ArithmeticName, Rule> = {
  add: { left: undefined, right: undefined },
  sub: {
    left: undefined,
    right: (_layout, dy, _a, _b, out) => multiply(dy, minusOne, out),
  },
  mul: {
    left: ({ rows, columns, rightLength }, dy, _a, b, out) => {
      if (rightLength === rows * columns) multiply(b, dy.compact, out);
      else backend.mul(rows, columns, rightLength, dy.named('a'), b.named('b'), out.named('out'));
    },
    right: (_layout, dy, a, _b, out) => multiply(a, dy.compact, out),
    ofNumbers: (dy, b) => dy * b,
  },
  div: {
    left: (layout, dy, _a, b, out) => {
      divide(layout, dy, b, out);
    },
    // -dy * a / b^2; dividing twice avoids the overflow of b^2.
    right: (layout, dy, a, b, out) => {
      multiply(a, dy.compact, out);
      divide(layout, out, b, out);
      divide(layout, out, b, out);
      multiply(out, minusOne, out);
    },
    ofNumbers: (dy, b) => dy / b,
  },
  // As in PyTorch, equal operands share the gradient, and both receive it where one is NaN.
  maximum: { left: unless(backend.less), right: unless(backend.greater) },
  minimum: { left: unless(backend.greater), right: unless(backend.less) },
};

/** Passes the gradient on except where a comparison holds, and half of it where the operands are equal. */
function unless(compare: Operations['less']): Derivative {
  return ({ rows, columns, rightLength }, dy, a, b, out) => {
    const n = rows * columns;
    const mask = Storage.take(n);
    const share = Storage.take(n);
    const compareTo = (comparison: Operations['less']) => {
      comparison(rows, columns, rightLength, a.named('a'), b.named('b'), mask.named('out'));
    };
    const pick = (otherwise: Storage) => {
      const [condition, chosen] = [mask.named('condition'), share.named('a')];
      backend.where(n, condition, chosen, otherwise.named('b'), out.named('out'));
    };
    compareTo(compare);
    backend.fill(n, 0, share.named('y'));
    pick(dy);
    compareTo(backend.equal);
    multiply(dy, half, share);
    pick(out);
    mask.release();
    share.release();
  };
}

export const add = operation('add');
export const sub = operation('sub');
export const mul = operation('mul');
export const div = operation('div');
export const maximum = operation('maximum');
export const minimum = operation('minimum');

function operation(name: ArithmeticName) {
  const rule = rules[name];
  const apply = (a: AnyTensor, other: number | AnyTensor): AnyTensor => {
    const b = readRight('other', other);
    const layout = layoutOf(a.shape, b.shape);
    if (layout === undefined) {
      return withShape(broadcastShape(a.shape, b.shape), [a, b], ([left, right]) => apply(left, right));
    }
    const inputs = typeof other === 'number' ? [a] : [a, b];
    const graphs = graphsOf(inputs);
    const left = storageOf(a);
    const right = storageOf(b);
    const result = Storage.take(left.values.length);
    const { rows, columns, rightLength } = layout;
    backend[name](rows, columns, rightLength, left.named('a'), right.named('b'), result.named('out'));
    return recorded(graphs, inputs, a.shape, result, () => ({
      saved: rule.left === undefined ? [] : [left, right],
      backward: (dy, accumulate, needsGradient) => {
        const gradient = (derivative: Derivative | undefined): Storage => {
          if (derivative === undefined) return dy.retain();
          const result = Storage.take(rows * columns);
          derivative(layout, dy, left, right, result);
          return result;
        };
        if (needsGradient(0)) {
          if (rule.ofNumbers !== undefined && dy.isConstant && rightLength === 1) {
            // Bit-identical to the float32 operation: double precision is exact or twice as precise before the rounding.
            const number = rule.ofNumbers(dy.compact[0], right.values[0]);
            accumulate(0, Storage.constant(rows * columns, number));
          } else {
            accumulate(0, gradient(rule.left));
          }
        }
        if (inputs.length === 1 || !needsGradient(1)) return;
        accumulate(1, sumToRight(gradient(rule.right), layout));
      },
    }));
  };
  return apply;
}

/** Sums a gradient of the left operand's shape to the shape of the right operand. */
function sumToRight(whole: Storage, { rows, columns, rightLength }: Layout): Storage {
  const n = rows * columns;
  if (rightLength === n) return whole;
  const result = Storage.take(rightLength);
  if (rightLength === 1) {
    const sum = backend.sum(n, whole.named('x'));
    result.values[0] = sum;
  } else {
    backend.sumRows(rows, columns, whole.named('x'), result.named('out'));
  }
  whole.release();
  return result;
}

/** A number as a scalar. @throws TypeError for anything but a number or a tensor. */
export function readRight(argument: string, other: unknown): AnyTensor {
  if (typeof other === 'number') {
    return createTensor<readonly [], NoneTape>(
      scalarShape,
      Storage.adopt(new Float32Array([other]), scalarShape),
      undefined,
    );
  }
  if (!isTensor(other)) throw wrongType(argument, 'a number or a Tensor', other);
  return other;
}

/** How the kernels see two shapes; undefined if an operand must be repeated first. */
function layoutOf(left: Shape, right: Shape): Layout | undefined {
  const n = elementCount(left);
  if (sameShape(left, right)) return { rows: 1, columns: n, rightLength: n };
  if (right.length === 0) return { rows: 1, columns: n, rightLength: 1 };
  const columns = left[left.length - 1];
  if (left.length > 0 && right.length === 1 && right[0] === columns) {
    return { rows: columns === 0 ? 0 : n / columns, columns, rightLength: columns };
  }
  return undefined;
}
