// Wrong arguments of register, and kernels that are called with any tensors and attributes.
import * as tf from '@tensorflow/tfjs';
import { expect } from 'chai';
import { register } from 'batchnorm/tfjs';
import { randomFrom, registration, sizeOf } from './support/backends.mjs';
import { fusedKernels } from './node_modules/batchnorm/dist/tfjs/kernels/fused.js';
import { gradientKernels } from './node_modules/batchnorm/dist/tfjs/kernels/gradients.js';
import { kernels } from './node_modules/batchnorm/dist/tfjs/kernels/index.js';

/** The module with other members. */
const changed = (members) => ({ ...tf, ...members });

describe('register refuses', () => {
  const cases = {
    nothing: [[], 'ERR_BATCHNORM_TYPE', 'for tf but received undefined'],
    null: [[null], 'ERR_BATCHNORM_TYPE', 'for tf but received null'],
    'a number': [[4], 'ERR_BATCHNORM_TYPE', 'for tf but received 4'],
    'a name': [['tfjs'], 'ERR_BATCHNORM_TYPE', 'for tf but received "tfjs"'],
    'another module': [[{ engine: () => ({}) }], 'ERR_BATCHNORM_TYPE', 'with backend() for tf'],
    'a module without gradients': [
      [changed({ getGradient: undefined })],
      'ERR_BATCHNORM_TYPE',
      'with getGradient() for tf',
    ],
    'a module without IO': [[changed({ io: undefined })], 'ERR_BATCHNORM_TYPE', 'with io for tf'],
    ...Object.fromEntries(
      ['3.21.0', '4.19.0', '5.0.0', '4.x', ''].map((version) => [
        `version "${version}"`,
        [
          [changed({ version_core: version })],
          'ERR_BATCHNORM_VALUE',
          `Expected TensorFlow.js 4.20 or a later 4 for tf but received version ${version}`,
        ],
      ]),
    ),
    'a third argument': [[tf, {}, 1], 'ERR_BATCHNORM_TOO_MANY_ARGUMENTS', 'register'],
    'options that are none': [[tf, 3], 'ERR_BATCHNORM_TYPE', 'for options'],
    'an unknown option': [[tf, { fuse: true }], 'ERR_BATCHNORM_UNKNOWN_OPTION', 'fuse'],
    'a string for fuseLayers': [[tf, { fuseLayers: 'yes' }], 'ERR_BATCHNORM_TYPE', 'for options.fuseLayers'],
    'a string for the priority': [[tf, { priority: '3' }], 'ERR_BATCHNORM_TYPE', 'for options.priority'],
    'a NaN for the priority': [[tf, { priority: NaN }], 'ERR_BATCHNORM_VALUE', 'for options.priority'],
  };
  for (const [name, [args, code, text]] of Object.entries(cases)) {
    it(name, () => {
      const kernels = tf.getKernelsForBackend('batchnorm').length;
      const error = caught(() => register(...args));
      expect(error).to.include({ code });
      expect(error.message).to.include(text);
      expect(tf.getKernelsForBackend('batchnorm')).to.have.length(kernels);
    });
  }
});

function caught(compute) {
  try {
    compute();
  } catch (error) {
    return error;
  }
  throw new Error('Expected an error');
}

describe('register called again', () => {
  it('returns the same report, also for another wrapper of the module and from another copy of this package', async () => {
    const warnings = [];
    const { warn } = console;
    console.warn = (...text) => warnings.push(text);
    try {
      expect(register(tf)).to.equal(registration);
      expect(register({ ...tf }, { fuseLayers: true })).to.equal(registration);
      const other = await import('./node_modules/batchnorm/dist/tfjs/register.js?copy');
      expect(other.register).to.not.equal(register);
      expect(other.register(tf, { fuseLayers: true })).to.equal(registration);
    } finally {
      console.warn = warn;
    }
    expect(warnings).to.deep.equal([]);
    expect(new Set(registration.fused)).to.have.property('size', registration.fused.length);
  });
});

describe('kernels of ours', () => {
  const dtypes = ['float32', 'float32', 'float32', 'float32', 'int32', 'bool', 'complex64', 'string'];
  const sizes = [0, 1, 1, 2, 3, 4, 5];
  const names = [
    ...[
      'x',
      'a',
      'b',
      'dy',
      'input',
      'output',
      'filter',
      'bias',
      'mean',
      'variance',
      'offset',
      'scale',
      'y',
      't',
      'e',
    ],
    ...['indices', 'logits', 'condition', 'alpha', 'value', 'preluActivationWeights', 'statistics', 'target'],
  ];

  /** Tensors under every name that kernels use, of any type and shape, some missing. */
  function inputs(random, pick) {
    const rank = pick([0, 1, 2, 3, 4, 4, 4, 5, 6]);
    const common = Array.from({ length: rank }, () => pick(sizes));
    return Object.fromEntries(
      names.flatMap((name) => {
        if (random() < 0.05) return [];
        const shape =
          random() < 0.6 ? common : Array.from({ length: pick([0, 1, 2, 4, 4, 6]) }, () => pick(sizes));
        return [[name, tensor(random, shape, random() < 0.7 ? 'float32' : pick(dtypes))]];
      }),
    );
  }

  function tensor(random, shape, dtype) {
    const n = sizeOf(shape);
    const numbers = Float32Array.from({ length: n }, () => 4 * random() - 2);
    if (dtype === 'complex64') return tf.complex(tf.tensor(numbers, shape), tf.tensor(numbers, shape));
    if (dtype === 'string') return tf.tensor(Array.from(numbers, String), shape, 'string');
    return tf.tensor(
      dtype === 'float32' ? numbers : Array.from(numbers, (each) => Math.abs(Math.trunc(each))),
      shape,
      dtype,
    );
  }

  function attributes(pick) {
    const number = () => pick([0, 1, 1, 2, 3, -1, 7, 100, 0.5, NaN, undefined, null, '2']);
    const list = () => Array.from({ length: pick([0, 1, 2, 4, 4, 6]) }, number);
    const either = () => pick([number, list])();
    return {
      ...{ strides: either(), dilations: pick([1, [1, 1], either()]), filterSize: either() },
      pad: pick([
        'same',
        'valid',
        0,
        1,
        100,
        [
          [0, 0],
          [1, 2],
          [0, 1],
          [0, 0],
        ],
        either(),
      ]),
      ...{
        dataFormat: pick(['NHWC', 'NHWC', 'NCHW', 'x']),
        dimRoundingMode: pick([undefined, 'floor', 'ceil']),
      },
      ...{
        activation: pick(['linear', 'relu', 'relu6', 'elu', 'prelu', 'x', undefined]),
        leakyreluAlpha: number(),
      },
      ...{ inputShape: pick([[2, 5, 5, 3], list()]), filterShape: pick([[3, 3, 3, 2], list()]) },
      ...{ transposeA: pick([true, false]), transposeB: pick([true, false]), varianceEpsilon: number() },
      ...{
        axis: either(),
        reductionIndices: either(),
        keepDims: pick([true, false]),
        dim: number(),
        epsilon: number(),
      },
      ...{
        perm: list(),
        reps: list(),
        begin: either(),
        size: either(),
        batchDims: number(),
        alpha: number(),
      },
      paddings: pick([list(), Array.from({ length: 4 }, () => [pick([0, 1, 2, -1]), pick([0, 1, 9])])]),
      ...{ constantValue: number(), clipValueMin: number(), clipValueMax: number(), dtype: pick(dtypes) },
      ...{ shape: list(), factor: number(), of: pick(['output', 'target']) },
    };
  }

  // The kernels by themselves, because those of cpu, which compute what ours decline, may take forever. Those that change
  // variables take what ../fused/ has checked.
  const changing = ['BatchnormAdamStep', 'BatchnormSgdStep', 'BatchnormTraining'];
  const all = Object.entries({ ...kernels, ...gradientKernels, ...fusedKernels });

  for (const [name, kernel] of all.filter(([each]) => !changing.includes(each))) {
    it(`${name}: of any tensors and attributes give whole tensors, or an error, or are declined`, () => {
      const random = randomFrom(name.length + 1);
      const pick = (values) => values[Math.floor(random() * values.length)];
      tf.setBackend('batchnorm');
      const backend = tf.backend();
      for (let i = 0; i < 100; i++) {
        tf.tidy(() => {
          const call = { tf, backend, inputs: inputs(random, pick), attrs: attributes(pick) };
          let results;
          try {
            results = kernel(call);
          } catch (error) {
            expect(error).to.be.an('error');
          }
          for (const { dataId, shape } of [results ?? []].flat()) {
            expect(backend.readSync(dataId), `${name} ${i}`).to.have.length(sizeOf(shape));
            backend.disposeData(dataId, true);
          }
        });
      }
    });
  }
});
