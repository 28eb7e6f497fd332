import { BatchNorm2D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { type OnnxCase, readCases } from '../reference/read.js';
import { expectClose } from '../../support/expect-within.js';

// ONNX's numbers are float32 results of numpy, with rounding errors of their own.
const bound = 2e-6;

describe('ONNX node tests of BatchNormalization', () => {
  const cases = readCases<OnnxCase>('onnx/batch_normalization.jsonl');

  it('has all four cases', () => {
    expect(cases).to.have.length(4);
  });

  for (const { name, epsilon, momentum, training, inputs, outputs } of cases) {
    it(name, () => {
      const [x, scale, bias, mean, variance] = inputs;
      const [images, channels, rows, columns] = x.shape;
      // ONNX's momentum is the weight of the old value.
      const bn = new BatchNorm2D(channels, { epsilon, momentum: 1 - momentum });
      bn.scale.data.set(scale.values);
      bn.bias.data.set(bias.values);
      bn.runningMean.data.set(mean.values);
      bn.runningVar.data.set(variance.values);
      const input = Tensor.from(x.values, [images, channels, rows, columns]);
      if (!training) {
        expectClose(bn.forward(input).data, outputs[0].values, bound, 'y');
        return;
      }
      expectClose(bn.forwardMut(input.trace()).data, outputs[0].values, bound, 'y');
      expectClose(bn.runningMean.data, outputs[1].values, bound, 'running mean');
      // ONNX updates it with the variance with divisor n; we use n - 1, like PyTorch and dfdx.
      const n = images * rows * columns;
      const unbiased = outputs[2].values.map((after, i) => {
        const old = momentum * variance.values[i];
        return old + ((after - old) * n) / (n - 1);
      });
      expectClose(bn.runningVar.data, unbiased, bound, 'running variance');
    });
  }
});
