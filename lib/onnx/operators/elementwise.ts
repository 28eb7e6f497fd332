import { Tensor } from '../../core/tensor.js';
import { where } from '../../ops/where.js';
import { leakyRelu } from '../../ops/unary.js';
import { type AnyTensor, isIntegers, type Value } from '../values.js';
import { binary, floatsOf, ofNumbers } from './functions.js';
import { binaryIntegers, type IntegerFunction } from './integer-arithmetic.js';
import type { NodeReader } from './node-reader.js';
import { type Call, chain, consume, integers, type Operator, operator } from './operator.js';
import { broadcastInputs, sameAsInput } from './sizes.js';

// Functions of each element, and of pairs of elements.

type Function1 = (x: AnyTensor) => AnyTensor;

const unary = (prepare: (node: NodeReader) => Function1): Operator =>
  operator(sameAsInput, (node) => {
    const compute = prepare(node);
    return (call) => compute(call.tensor(0));
  });
const plain = (compute: Function1): Operator => unary(() => compute);

const variadic = (
  compute: (a: AnyTensor, b: AnyTensor) => AnyTensor,
  ofIntegers?: IntegerFunction,
  last = (sum: AnyTensor, _n: number) => sum,
) =>
  operator(broadcastInputs, () => (call) => {
    const values = Array.from({ length: call.count }, (_, i) => call.value(i));
    if (ofIntegers !== undefined && values.every(isIntegers)) {
      return values.reduce((a, b) => binaryIntegers(a, b, ofIntegers));
    }
    const [first, ...others] = values.map(floatsOf);
    let sum = first;
    for (const next of others) {
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

/**
 * Coefficients of erf(x) = x * p(x^2) / q(x^2) for |x| <= 4, beyond which it is 1 in float32: a least-squares fit with a relative
 * error of 3e-8. All are positive, so that nothing cancels.
 */
const erfNumerator = [
  1.12837914, 0.1935304892, 0.05309978161, 0.003882705664, 0.0002845492573, 1.98686634e-6,
];
const erfDenominator = [1, 0.5048444913, 0.1153439397, 0.01520597995, 0.001185411789, 3.742017031e-5];

function erf(x: AnyTensor): AnyTensor {
  return consume(x.clamp({ min: -4, max: 4 }), (bounded) => {
    const squares = bounded.square();
    const numerator = consume(polynomial(squares, erfNumerator), (each) => each.mul(bounded));
    const denominator = consume(squares, (each) => polynomial(each, erfDenominator));
    return consume(numerator, (a) => consume(denominator, (b) => a.div(b)));
  });
}

/** A polynomial with these coefficients, the constant one first. */
function polynomial(x: AnyTensor, coefficients: readonly number[]): AnyTensor {
  const last = coefficients.length - 1;
  let sum: AnyTensor = x.mul(coefficients[last]);
  for (let i = last - 1; i > 0; i--) {
    sum = chain(
      sum,
      (each) => each.add(coefficients[i]),
      (each) => each.mul(x),
    );
  }
  return consume(sum, (each) => each.add(coefficients[0]));
}

export const Erf = plain(erf);

/** GELU exactly, or by its approximation with tanh, which the package computes in one pass. */
export const Gelu = unary((node) => {
  const approximation = node.text('approximate', 'none');
  if (approximation === 'tanh') return (x) => x.gelu();
  if (approximation !== 'none') return node.unsupported(`approximate = ${approximation}`);
  return (x) =>
    chain(
      x.mul(Math.SQRT1_2),
      erf,
      (each) => each.add(1),
      (each) => each.mul(x),
      (each) => each.mul(0.5),
    );
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
export const Max = variadic((a, b) => a.maximum(b), Math.max);
export const Min = variadic((a, b) => a.minimum(b), Math.min);
export const Mean = variadic(
  (a, b) => a.add(b),
  undefined,
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
