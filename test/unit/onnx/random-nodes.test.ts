import { FileFormatError } from 'batchnorm';
import { expect } from 'chai';
import fc from 'fast-check';
import { buildModel } from '#lib/onnx/import/build-model';
import { Names } from '#lib/onnx/import/names';
import { operators } from '#lib/onnx/operators/index';
import { readModel } from '#lib/onnx/proto/read-model';
import { readValue } from '#lib/onnx/read-values';
import { floats, int64s, model, node } from './build.js';

const fail = (expected: string, found: string): never => {
  throw new FileFormatError('model.onnx', expected, found);
};

/** Numbers at the borders of types, and small ones. */
const numbers = fc.constantFrom(-(2 ** 31), -3, -1, 0, 1, 2, 3, 7, 2 ** 31 - 1, 2 ** 40, 2 ** 53);
const lists = fc.array(numbers, { maxLength: 5 });
const texts = fc.constantFrom('', 'SAME_UPPER', 'VALID', 'nearest', 'linear', 'reflect', 'constant', 'tanh');
const shapes = fc.constantFrom(
  [],
  [0],
  [1],
  [2],
  [3, 1],
  [2, 2],
  [2, 2, 1, 1],
  [2, 1, 3, 3],
  [1, 2, 1, 1, 1],
);

/** Names of attributes that operators read. */
const names = [
  ...['axis', 'axes', 'kernel_shape', 'strides', 'pads', 'dilations', 'group', 'auto_pad', 'output_padding'],
  ...[
    'output_shape',
    'ceil_mode',
    'epsilon',
    'momentum',
    'training_mode',
    'num_groups',
    'mode',
    'alpha',
    'beta',
  ],
  ...['size', 'perm', 'shape', 'starts', 'ends', 'split', 'keepdims', 'transA', 'to', 'value', 'scales'],
  ...['ratio', 'approximate', 'allowzero', 'start', 'end', 'value_ints', 'value_float', 'antialias', 'min'],
] as const;

const attributes = fc.dictionary(
  fc.constantFrom(...names),
  fc.oneof(
    numbers,
    fc.constantFrom(0.5, NaN, Infinity, -0.25),
    lists,
    texts,
    shapes.map((shape) => int64s('', shape, range(shape))),
  ),
  { maxKeys: 5 },
);

function range(shape: readonly number[]): readonly number[] {
  return Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => i - 1);
}

describe('importOnnx of nodes with any attributes and inputs', () => {
  for (const operator of operators.keys()) {
    it(`${operator} is built or refused with an error for files`, () => {
      fc.assert(
        fc.property(
          attributes,
          fc.array(fc.constantFrom('x', 'weight', 'integers', 'scalar', ''), { maxLength: 6 }),
          fc.tuple(shapes, shapes, shapes),
          fc.constantFrom(1, 7, 10, 13, 18, 22),
          (given, inputs, [x, weight, integers], opset) => {
            const bytes = model({
              nodes: [node(operator, inputs, ['y'], given), node('Relu', ['y'], ['z'])],
              initializers: [
                floats('weight', weight, range(weight)),
                int64s('integers', integers, range(integers)),
                int64s('scalar', [], [2 ** 31]),
              ],
              inputs: { x },
              outputs: ['z'],
              opset,
            });
            try {
              const proto = readModel(bytes, fail);
              const initializers = proto.graph.initializers.map(
                (tensor) => [tensor.name, readValue(tensor, fail)] as const,
              );
              buildModel('model.onnx', proto, new Map(initializers), 100_000);
            } catch (error) {
              if (!(error instanceof FileFormatError)) throw error;
              expect(error.message.length).to.be.lessThan(2000);
            }
          },
        ),
        { numRuns: process.env.BATCHNORM_TEST_LONG === '1' ? 2000 : 20 },
      );
    });
  }

  it('names many layers after one weight in linear time', () => {
    const unique = new Names();
    let last = '';
    for (let i = 0; i < 300_000; i++) last = unique.unique('conv');
    expect(last).to.equal('conv_300000');
    expect(unique.unique('conv_7')).to.equal('conv_7_2');
  });
});
