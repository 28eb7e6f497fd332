import { expect } from 'chai';
import { operationNames } from '#lib/backend/intercept';
import { emitters } from '#lib/onnx/export/emit';
import { scriptOperations } from '#lib/ops/script-operations';

/** Operations of a forward pass that `exportOnnx` does not write, by the reason. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  'emitCopies writes it': ['stridedCopy'],
  'it returns a number, so it cannot be captured': [
    ...['sum', 'squaredError', 'absoluteError', 'huber', 'binaryCrossEntropy', 'weightedBinaryCrossEntropy'],
    'conv2dPackedLength',
  ],
  'it uses the statistics of a batch; inference uses the running ones': [
    ...['batchNormTraining', 'batchNormMoments', 'batchNormNormalize'],
  ],
  'it is random, and inference does not call it': ['dropout'],
  'plans put it in place of conv2d after a capture': ['conv2dPack', 'conv2dInference'],
  'it writes equal values, which are constants of the graph': ['fill'],
};

/** The forward pass of a transposed convolution is the input gradient of a convolution. */
const forwardGradients = ['conv2dInputGradient'];

const isOfTraining = (name: string) =>
  /Backward$|Gradient|Step$/.test(name) && !forwardGradients.includes(name);

describe('exportOnnx', () => {
  const unwritten = new Set(Object.values(exceptions).flat());

  for (const name of [...operationNames, ...Object.keys(scriptOperations)]) {
    if (isOfTraining(name) || unwritten.has(name)) continue;
    it(`writes ${name}`, () => {
      expect(emitters).to.have.property(name).that.is.a('function');
    });
  }

  it('has no emitter for an exception, and every exception is an operation', () => {
    expect(Object.keys(emitters).filter((name) => unwritten.has(name))).to.deep.equal([]);
    expect(operationNames).to.include.members([...unwritten, ...forwardGradients]);
  });
});
