import { setNumThreads } from 'batchnorm';
import { named } from '#lib/backend/argument';
import { backend } from '#lib/backend/index';
import { type Parameter, parseSignature } from '#lib/backend/parse-signature';
import { signatures } from '#lib/backend/signatures';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { type OperationName, sampleCall, variants } from './sample-call.js';

type Call = (...values: unknown[]) => unknown;

const names = Object.keys(signatures) as OperationName[];
const callOf = (name: OperationName): Call => backend[name] as Call;

/** Operations that take all sizes of a convolution, although a backend may use few of them to choose the order of weights. */
const ignoreSizes: ReadonlySet<string> = new Set(['conv2dPackedLength', 'conv2dPack']);

/** Pairs of arguments that mean the same in either order. */
const symmetric: Readonly<Record<string, readonly string[]>> = {
  // It asks for the sum of both.
  hasRoom: ['bytes left'],
  ...(backend.info.name === 'portable' && {
    // This backend reads the sign of the output instead, because factor and shift are less precise than its results.
    batchNormTraining: ['factor shift'],
    batchNormNormalize: ['factor shift'],
    // It adds the two parts of the mean in double precision.
    batchNormBackward: ['factor shift', 'mean meanLow'],
    batchNormGradientSums: ['factor shift', 'mean meanLow'],
    batchNormInputGradient: ['factor shift', 'mean meanLow'],
    groupNormBackward: ['mean meanLow'],
  }),
};

/** Everything that a call computes: its result, and the arrays, in the order of the right call. */
function outcome(
  name: OperationName,
  values: readonly unknown[],
  exchanged?: readonly [number, number],
): string {
  const given = [...values];
  if (exchanged !== undefined) {
    const [i, j] = exchanged;
    [given[i], given[j]] = [given[j], given[i]];
  }
  try {
    const result = callOf(name)(...given);
    const arrays = values.map((value) => (ArrayBuffer.isView(value) ? [...(value as Float32Array)] : null));
    return JSON.stringify({ result, arrays });
  } catch (error) {
    return String(error);
  }
}

describe('the signatures of operations', () => {
  const { threads } = backend.info;
  afterEach(() => setNumThreads(threads));

  for (const name of names) {
    const { parameters } = parseSignature(signatures[name]);

    it(`${name} refuses a wrong type, a short array and null, naming the argument`, () => {
      for (const variant of [...variants, { ...variants[0], booleans: false }]) {
        const relu = variant.booleans ?? true;
        const sample = sampleCall(name, variant);
        callOf(name)(...sample.values());
        for (const [i, parameter] of parameters.entries()) {
          const call = (value: unknown) => () => callOf(name)(...sample.values().with(i, value));
          const unread = parameter.kind === 'array' && parameter.condition !== undefined && !relu;
          if (unread) {
            call('x')();
            continue;
          }
          expectError(call('x'), TypeError, ` for ${parameter.name} but received`, 'string');
          expect(call('x')).to.throw(TypeError).with.property('code', 'ERR_BATCHNORM_TYPE');
          if (parameter.kind === 'size') {
            for (const size of [-1, 0.5, NaN, Infinity, 2 ** 48, null]) {
              expectError(call(size), TypeError, 'a whole number below 2^48', ` for ${parameter.name} but`);
            }
          }
          if (parameter.kind !== 'array') continue;
          const right = sample.values()[i];
          if (right === null) continue;
          const type = parameter.double ? 'Float64Array' : 'Float32Array';
          const array = right as Float32Array;
          const expected = `a ${type} of at least ${array.length} values for ${parameter.name} but received`;
          if (array.length > 0) expectError(call(array.subarray(1)), TypeError, expected);
          const other = parameter.double ? new Float32Array(array.length) : new Float64Array(array.length);
          expectError(call(other), TypeError, expected);
          if (!parameter.nullable) expectError(call(null), TypeError, `${expected} null`);
        }
      }
    });

    const areSymmetric = (a: Parameter, b: Parameter) =>
      (symmetric[name] ?? []).includes(`${a.name} ${b.name}`) || (ignoreSizes.has(name) && a.kind === 'size');
    const pairs = parameters.flatMap((a, i) =>
      parameters.flatMap((b, j) => (i < j && sameType(a, b) && !areSymmetric(a, b) ? [[i, j] as const] : [])),
    );
    if (pairs.length === 0) continue;
    it(`${name} computes something else when two arguments of a type are exchanged`, () => {
      for (const [i, j] of pairs) {
        const noticed = variants.some((variant) => {
          const { values } = sampleCall(name, variant);
          const prepared = prepare(name, values());
          const copies = () => prepared.map((value) => (ArrayBuffer.isView(value) ? copyOf(value) : value));
          if (prepared[i] === null && prepared[j] === null) return false;
          return outcome(name, copies()) !== outcome(name, copies(), [i, j]);
        });
        expect(noticed, `${parameters[i].name} and ${parameters[j].name}`).to.equal(true);
      }
    });
  }

  it('do not let an array stand for another argument', () => {
    const floats = new Float32Array(4);
    // @ts-expect-error: an array without a name
    backend.exp(4, floats, named('y', floats));
    // @ts-expect-error: x and y are exchanged
    backend.exp(4, named('y', floats), named('x', floats));
    // @ts-expect-error: a name that was given twice does not fit anywhere else
    backend.exp(4, named('mean', named('x', floats)), named('y', floats));
    // @ts-expect-error: null where an array is required
    expectError(() => backend.exp(4, null, named('y', floats)), TypeError, 'for x', 'null');
    backend.exp(4, named('x', floats), named('y', floats));
  });
});

const copyOf = (value: ArrayBufferView) =>
  value instanceof Float64Array ? Float64Array.from(value) : Float32Array.from(value as Float32Array);

/** Whether two arguments could be exchanged without a TypeError. */
function sameType(a: Parameter, b: Parameter): boolean {
  return a.kind === b.kind && !(a.kind === 'array' && b.kind === 'array' && a.double !== b.double);
}

/** The gradients of max pooling and of extrema depend on their outputs being values of x. */
function prepare(name: OperationName, values: unknown[]): unknown[] {
  if (name === 'maxPoolBackward') callOf('maxPool')(...values.slice(0, -2));
  if (name === 'extremumAxisBackward') {
    callOf('extremumAxis')(...values.slice(0, 3), false, ...values.slice(3, 5));
  }
  return values;
}
