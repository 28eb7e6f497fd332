import { Tensor, where } from 'batchnorm';
import { type Any, binary, count, type Operator, type Operators, scalar, typed, unary } from './operator.js';
import { type Call, Inexpressible } from './value.js';

const comparison =
  (f: (a: Any, b: Any) => Any): Operator =>
  (call) =>
    typed('bool', f(call.any(0), call.any(1)));
const logical =
  (f: (a: Any, b: Any) => Any): Operator =>
  (call) =>
    typed('bool', f(call.booleans(0), call.booleans(1)));
const variadic =
  (f: (a: Any, b: Any) => Any, last: (sum: Any, n: number) => Any = (sum) => sum): Operator =>
  (call) =>
    last(
      Array.from({ length: call.count }, (_, i) => call.floats(i)).reduce((a, b) => f(a, b)),
      call.count,
    );

function clip(call: Call): Any {
  const min = call.numbers(1)?.[0] ?? call.number('min', -Infinity);
  const max = call.numbers(2)?.[0] ?? call.number('max', Infinity);
  return call.floats(0).clamp({ min, max });
}

function pow(call: Call): Any {
  const exponents = call.any(1);
  if (count(exponents.shape) !== 1) throw new Inexpressible('exponents that differ');
  return call
    .floats(0)
    .pow(exponents.data[0])
    .reshape(Tensor.zeros(call.floats(0).shape).add(exponents).shape);
}

function prelu(call: Call): Any {
  const [x, given] = [call.floats(0), call.floats(1)];
  // The first versions have one slope for each channel instead of a shape that broadcasts.
  const perChannel = call.opset < 7 && given.shape.length === 1 && given.shape[0] > 1;
  const slope = perChannel ? given.reshape([-1, ...x.shape.slice(2).map(() => 1)]) : given;
  return where(x.less(0), x.mul(slope), x);
}

const alpha = (call: Call, byDefault: number) => call.number('alpha', byDefault);
const elu = (x: Any, factor: number): Any => where(x.greater(0), x, x.minimum(0).exp().sub(1).mul(factor));

/** Operators that compute each element by itself. */
export const elementwise: Operators = {
  Abs: unary((x) => x.abs()),
  Exp: unary((x) => x.exp()),
  Log: unary((x) => x.log()),
  Sqrt: unary((x) => x.sqrt()),
  Sin: unary((x) => x.sin()),
  Cos: unary((x) => x.cos()),
  Tan: unary((x) => x.sin().div(x.cos())),
  Tanh: unary((x) => x.tanh()),
  Sinh: unary((x) => x.exp().sub(x.mul(-1).exp()).div(2)),
  Cosh: unary((x) => x.exp().add(x.mul(-1).exp()).div(2)),
  Sigmoid: unary((x) => x.sigmoid()),
  Relu: unary((x) => x.relu()),
  Neg: unary((x) => x.mul(-1)),
  Reciprocal: unary((x) => scalar(1).div(x)),
  Sign: unary((x) => x.greater(0).sub(x.less(0))),
  Softplus: unary((x) => x.exp().add(1).log()),
  Softsign: unary((x) => x.div(x.abs().add(1))),
  LeakyRelu: unary((x, call) => where(x.less(0), x.mul(alpha(call, 0.01)), x)),
  PRelu: prelu,
  Elu: unary((x, call) => elu(x, alpha(call, 1))),
  Celu: unary((x, call) =>
    elu(x.div(alpha(call, 1)), 1).mul(where(x.greater(0), alpha(call, 1), alpha(call, 1))),
  ),
  Selu: unary((x, call) => elu(x, alpha(call, 1.6732632)).mul(call.number('gamma', 1.050701))),
  ThresholdedRelu: unary((x, call) => where(x.greater(alpha(call, 1)), x, 0)),
  HardSigmoid: unary((x, call) =>
    x.mul(alpha(call, 0.2)).add(call.number('beta', 0.5)).clamp({ min: 0, max: 1 }),
  ),
  HardSwish: unary((x) => x.mul(x.div(6).add(0.5).clamp({ min: 0, max: 1 }))),
  Mish: unary((x) => x.mul(x.exp().add(1).log().tanh())),
  Shrink: unary((x, call) => {
    const [bias, lambda] = [call.number('bias', 0), call.number('lambd', 0.5)];
    return where(x.less(-lambda), x.add(bias), where(x.greater(lambda), x.sub(bias), 0));
  }),
  IsNaN: (call) => typed('bool', call.floats(0).notEqual(call.floats(0))),
  IsInf: (call) => {
    const x = call.floats(0);
    const [positive, negative] = [call.number('detect_positive', 1), call.number('detect_negative', 1)];
    return typed('bool', x.equal(Infinity).mul(positive).add(x.equal(-Infinity).mul(negative)));
  },
  Clip: clip,
  Pow: pow,
  Add: binary((a, b) => a.add(b)),
  Sub: binary((a, b) => a.sub(b)),
  Mul: binary((a, b) => a.mul(b)),
  Div: binary((a, b) => a.div(b)),
  Max: variadic((a, b) => a.maximum(b)),
  Min: variadic((a, b) => a.minimum(b)),
  Sum: variadic((a, b) => a.add(b)),
  Mean: variadic(
    (a, b) => a.add(b),
    (sum, n) => sum.div(n),
  ),
  Less: comparison((a, b) => a.less(b)),
  LessOrEqual: comparison((a, b) => a.lessEqual(b)),
  Greater: comparison((a, b) => a.greater(b)),
  GreaterOrEqual: comparison((a, b) => a.greaterEqual(b)),
  Equal: comparison((a, b) => a.equal(b)),
  And: logical((a, b) => a.mul(b)),
  Or: logical((a, b) => a.maximum(b)),
  Xor: logical((a, b) => a.notEqual(b)),
  Not: (call) => typed('bool', call.booleans(0).equal(0)),
  Where: (call) => typed(call.type(1), where(call.booleans(0), call.any(1), call.any(2))),
};
