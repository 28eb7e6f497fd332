import { readFileSync, writeFileSync } from 'node:fs';
import { backward, Sgd, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { MobileNetV2 } from '../../../examples/models/mobilenet-v2.js';
import { ResNet18 } from '../../../examples/models/resnet-18.js';
import { expectNear } from '../../support/expect-near.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { encode } from '../../unit/io/safetensors/encode.js';
import { referencePath } from '../reference/read.js';
import { type Shapes, stateDict, uniform } from './torchvision-state-dict.js';

/** `models/models.json` */
interface Reference {
  /** Shapes by name, in torchvision's order, without the counters of batches. */
  readonly tensors: Shapes;
  /** Logits of two images of 64 x 64. */
  readonly y: readonly number[];
}

const references = JSON.parse(readFileSync(referencePath('models/models.json'), 'utf8')) as Readonly<
  Record<string, Reference>
>;

for (const Model of [ResNet18, MobileNetV2]) {
  describe(`examples/models: ${Model.name}`, () => {
    const path = temporaryDirectory();
    const { tensors, y } = references[Model.name];

    it("loads torchvision's state dict without a map and gives torchvision's results", async function () {
      this.timeout(120_000);
      const { header, data } = stateDict(tensors);
      writeFileSync(path('state.safetensors'), encode(header, data));
      const model = new Model();
      const report = await model.loadSafetensors(path('state.safetensors'));
      expect(report).to.deep.equal({ missing: [], unexpected: [] });
      const x = Tensor.adopt(
        uniform(2 * 3 * 64 * 64, 12345).map((value) => value * 2 - 1),
        [2, 3, 64, 64],
      );
      const logits = model.forward(x);
      expect(logits.shape).to.deep.equal([2, 1000]);
      expectNear(logits.data, y, 1e-5 * Math.max(...y.map(Math.abs)));
    });

    it('has as many parameters as torchvision', () => {
      const parameters = new Model().parameters();
      const count = (shapes: Iterable<readonly number[]>) =>
        [...shapes].reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
      const ours = parameters.map(([, tensor]) => tensor.shape);
      expect(count(ours)).to.equal(count(Object.values(tensors)));
    });

    it('has a gradient for every parameter in training', function () {
      this.timeout(120_000);
      const model = new Model(3);
      const loss = model
        .forwardMut(Tensor.randn([4, 3, 32, 32]).trace())
        .square()
        .mean();
      const gradients = backward(loss);
      new Sgd({ lr: 1e-3 }).update(model, gradients); // or an UnusedParamsError
    });
  });
}
