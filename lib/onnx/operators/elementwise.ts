import { Tensor } from '../../core/tensor.js';
import { where } from '../../ops/where.js';
import { leakyRelu } from '../../ops/unary.js';
import { type AnyTensor, isIntegers, type Value } from '../values.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { type Call, chain, consume, integers, type Operator, operator } from './operator.js';
import { binaryIntegers, type IntegerFunction } from './integer-arithmetic.js';
import { broadcastInputs, sameAsInput } from './sizes.js';

// Functions of each element, and of pairs of elements.

type Function1 = (x: AnyTensor) => AnyTensor;

const unary = (prepare: (node: NodeReader) => Function1): Operator =>
  operator(sameAsInput, (node) => {
    const compute = prepare(node);
    return (call) => compute(call.tensor(0));
  });
const plain = (compute: Function1): Operator => unary(() => compute);

/** A function of tensors and of integers. */
function ofNumbers(compute: Function1, ofInteger: (value: number) => number): Operator {
  return operator(sameAsInput, () => (call) => {
    const value = call.value(0);
    return isIntegers(value) ? integers(value.numbers.map(ofInteger), value.shape) : compute(value);
  });
}

const binary = (compute: (a: AnyTensor, b: AnyTensor) => AnyTensor, ofIntegers?: IntegerFunction): Operator =>
  operator(broadcastInputs, (node) => {
    const align = alignment(node);
    return (call) => {
      const [a, b] = [call.value(0), call.value(1)];
      if (isIntegers(a) && isIntegers(b) && ofIntegers !== undefined) return binaryIntegers(a, b, ofIntegers);
      return compute(floatsOf(a), align(floatsOf(b), floatsOf(a)));
    };
  });

/** Integers as floats, which a condition and its comparison may mix. */
function floatsOf(value: Value): AnyTensor {
  return isIntegers(value) ? Tensor.from(value.numbers, value.shape) : value;
}

/** Before opset 7, `axis` names the axis of the left operand with which the axes of the right one begin. */
function alignment(node: NodeReader): (b: AnyTensor, a: AnyTensor) => AnyTensor {
  if (node.opset >= 7 || !node.hasAttribute('axis')) return (b) => b;
  return (b, a) => {
    const axis = axisOf(node.number('axis', 0), a.shape.length, node);
    const missing = a.shape.length - axis - b.shape.length;
    return missing <= 0 ? b : b.reshape([...b.shape, ...Array<number>(missing).fill(1)]);
  };
}

const variadic = (
  compute: (a: AnyTensor, b: AnyTensor) => AnyTensor,
  last = (sum: AnyTensor, _n: number) => sum,
) =>
  operator(broadcastInputs, () => (call) => {
    const first = call.tensor(0);
    let sum = first;
    for (let i = 1; i < call.count; i++) {
      const next = call.tensor(i);
      sum = sum === first ? compute(sum, next) : consume(sum, (each) => compute(each, next));
    }
    return last(sum, call.count);
  });

export const Relu = plain((x) => x.relu());
export const Sigmoid = plain((x) => x.sigmoid());
export const Tanh = plain((x) => x.tanh());
export const Exp = plain((x) => x.exp());
export const Log = plain((x) => x.log());
export const Sqrt = plain((x) => x.sqrt());
export const Abs = ofNumbers((x) => x.abs(), Math.abs);
export const Sin = plain((x) => x.sin());
export const Cos = plain((x) => x.cos());
export const Neg = ofNumbers(
  (x) => x.mul(-1),
  (each) => -each,
);
export const Reciprocal = plain((x) => Tensor.ones([]).div(x));
export const Softplus = plain((x) =>
  // log(1 + exp(x)) without overflow
  chain(
    x.abs(),
    (each) => each.mul(-1),
    (each) => each.exp(),
    (each) => each.add(1),
    (each) => each.log(),
    (each) => each.add(x.relu()),
  ),
);
export const Softsign = plain((x) => x.div(x.abs().add(1)));
export const HardSwish = plain((x) =>
  chain(
    x.mul(1 / 6),
    (each) => each.add(0.5),
    (each) => each.clamp({ min: 0, max: 1 }),
    (each) => each.mul(x),
  ),
);
export const Mish = plain((x) => x.mul(x.exp().add(1).log().tanh()));

export const LeakyRelu = unary((node) => {
  const alpha = node.number('alpha', 0.01);
  return (x) => leakyRelu(x, alpha);
});
export const Elu = unary((node) => elu(node.number('alpha', 1)));
export const Selu = unary((node) => {
  const [inner, gamma] = [elu(node.number('alpha', 1.6732632)), node.number('gamma', 1.050701)];
  return (x) => consume(inner(x), (each) => each.mul(gamma));
});
export const Celu = unary((node) => {
  const alpha = node.number('alpha', 1);
  return (x) =>
    where(
      x.greater(0),
      x,
      chain(x.minimum(0).div(alpha), (each) => each.exp().sub(1).mul(alpha)),
    );
});
export const ThresholdedRelu = unary((node) => {
  const alpha = node.number('alpha', 1);
  return (x) => where(x.greater(alpha), x, 0);
});
export const HardSigmoid = unary((node) => {
  const [alpha, beta] = [node.number('alpha', 0.2), node.number('beta', 0.5)];
  return (x) =>
    chain(
      x.mul(alpha),
      (each) => each.add(beta),
      (each) => each.clamp({ min: 0, max: 1 }),
    );
});

/** x where it is positive, alpha * (exp(x) - 1) elsewhere. */
function elu(alpha: number): Function1 {
  return (x) => where(x.greater(0), x, x.minimum(0).exp().sub(1).mul(alpha));
}

/** GELU exactly, or by its approximation with tanh, which the package computes in one pass. */
export const Gelu = unary((node) => {
  if (node.text('approximate', 'none') === 'tanh') return (x) => x.gelu();
  return node.unsupported('the exact form of Gelu');
});

export const PRelu = operator(sameAsInput, (node) => (call) => {
  const [x, given] = [call.tensor(0), call.tensor(1)];
  // Before opset 7 there is one slope for each channel instead of a shape that broadcasts.
  const perChannel = node.opset < 7 && given.shape.length === 1 && given.shape[0] > 1;
  const slope = perChannel ? given.reshape([-1, ...x.shape.slice(2).map(() => 1)]) : given;
  return where(x.less(0), x.mul(slope), x);
});

/** The bounds are attributes before opset 11, later inputs. */
export const Clip = operator(sameAsInput, (node) => (call) => {
  const min = call.numbers(1)?.[0] ?? node.number('min', -Infinity);
  const max = call.numbers(2)?.[0] ?? node.number('max', Infinity);
  return clip(call, min, max);
});

function clip(call: Call, min: number, max: number): Value {
  const x = call.value(0);
  if (isIntegers(x))
    return integers(
      x.numbers.map((each) => Math.min(Math.max(each, min), max)),
      x.shape,
    );
  // A lower bound above the upper one gives the upper one everywhere.
  return min > max ? x.clamp({ min: max, max }) : x.clamp({ min, max });
}

export const Add = binary(
  (a, b) => a.add(b),
  (a, b) => a + b,
);
export const Sub = binary(
  (a, b) => a.sub(b),
  (a, b) => a - b,
);
export const Mul = binary(
  (a, b) => a.mul(b),
  (a, b) => a * b,
);
export const Div = binary(
  (a, b) => a.div(b),
  (a, b) => Math.trunc(a / b),
);
export const Sum = variadic((a, b) => a.add(b));
export const Max = variadic((a, b) => a.maximum(b));
export const Min = variadic((a, b) => a.minimum(b));
export const Mean = variadic(
  (a, b) => a.add(b),
  (sum, n) => sum.div(n),
);

/** The exponent is one number. */
export const Pow = operator(broadcastInputs, (node) => (call) => {
  const exponents = call.numbers(1) ?? [];
  if (exponents.length !== 1) node.unsupported('exponents that differ');
  const x = call.tensor(0);
  const [exponent] = exponents;
  return exponent === 2 ? x.square() : exponent === 0.5 ? x.sqrt() : x.pow(exponent);
});
