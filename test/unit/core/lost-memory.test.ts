// Tensors over memory that its owner transfers or resizes, or whose length is misreported.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Adam,
  backward,
  batchSamples,
  BatchNorm2D,
  clipGradNorm,
  Conv2D,
  crossEntropyWithLogitsLoss,
  DataLoader,
  fold,
  Linear,
  loadSafetensors,
  mseLoss,
  ReLU,
  saveSafetensors,
  Sequential,
  Sgd,
  storagePool,
  Tensor,
  type Tensor1D,
} from 'batchnorm';
import { batchNormTraining } from 'batchnorm/raw';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';

function transfer(array: Float32Array | Uint8Array | Int32Array): void {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
}

/** A tensor of shape [2, 3] whose array has been transferred away. */
function lost(): Tensor<readonly [2, 3]> {
  const values = Float32Array.from([1, 2, 3, 4, 5, 6]);
  const tensor = Tensor.adopt(values, [2, 3]);
  transfer(values);
  return tensor;
}

const matrix = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);

describe('a tensor whose array was transferred', () => {
  const uses: Record<string, (x: Tensor<readonly [2, 3]>) => unknown> = {
    data: (x) => x.data,
    'array()': (x) => x.array(),
    'item()': (x) => x.item(),
    'clone()': (x) => x.clone(),
    'detach()': (x) => x.detach(),
    'trace()': (x) => x.trace(),
    'sum()': (x) => x.sum(),
    'mean()': (x) => x.mean(),
    'add()': (x) => x.add(1),
    'add(), on the right': (x) => matrix.add(x),
    'exp()': (x) => x.exp(),
    'sin()': (x) => x.sin(),
    'softmax()': (x) => x.softmax(),
    'logSoftmax()': (x) => x.logSoftmax(),
    'matmul()': (x) => x.matmul(Tensor.zeros([3, 1])),
    'reshape()': (x) => x.reshape([6]),
    'Linear.forward': (x) => new Linear(3, 2).forward(x),
    mseLoss: (x) => mseLoss(x, matrix),
    'mseLoss, as targets': (x) => mseLoss(matrix, x),
    'cross entropy, as targets': (x) => crossEntropyWithLogitsLoss(matrix, x),
  };
  for (const [name, use] of Object.entries(uses)) {
    it(`is refused by ${name}`, () => {
      const x = lost();
      expectError(() => use(x), TypeError, 'the tensor of shape [2, 3]', 'detached', 'clone()');
    });
  }

  it('can be disposed of', () => {
    const x = lost();
    x.dispose();
    expectError(() => x.data, TypeError, 'disposed');
  });

  it('is refused by layers for images, which do not change', () => {
    const values = new Float32Array(24);
    const x = Tensor.adopt(values, [2, 3, 2, 2]);
    const traced = x.trace();
    transfer(values);
    const bn = new BatchNorm2D(3);
    expectError(() => bn.forward(x), TypeError, 'shape [2, 3, 2, 2]', 'detached');
    expectError(() => bn.forwardMut(traced), TypeError, 'shape [2, 3, 2, 2]', 'detached');
    expectError(() => new Conv2D(3, 2, 1).forward(x), TypeError, 'detached');
    expect(bn.runningMean.array()).to.deep.equal([0, 0, 0]);
    expect(bn.runningVar.array()).to.deep.equal([1, 1, 1]);
  });

  it('is refused by backward if the graph has saved it, and nothing changes', () => {
    const values = Float32Array.from([1, 2]);
    const x = Tensor.adopt(values, [2]);
    const loss = x.trace().square().sum();
    transfer(values);
    expectError(() => backward(loss), TypeError, 'the tensor of shape [2]', 'detached');
    // The graph has not changed.
    expectError(() => backward(loss), TypeError, 'the tensor of shape [2]', 'detached');
  });

  it('is refused if the array came from data', () => {
    const x = Tensor.from([1, 2], [2]);
    transfer(x.data);
    expectError(() => x.sum(), TypeError, 'the tensor of shape [2]', 'detached');
  });

  it('is named as a parameter if it is one', () => {
    const bn = new BatchNorm2D(2);
    transfer(bn.scale.data);
    const x = Tensor.zeros([1, 2, 2, 2]);
    expectError(() => bn.forward(x), TypeError, 'scale of BatchNorm2D', 'detached');
    expectError(() => bn.clone(), TypeError, 'scale of BatchNorm2D', 'detached');
    expectError(() => JSON.stringify(bn), TypeError, 'scale of BatchNorm2D', 'detached');
    expectError(
      () => {
        bn.resetParams();
      },
      TypeError,
      'scale of BatchNorm2D',
      'detached',
    );
  });

  it('is accepted if it is empty', () => {
    const values = new Float32Array(0);
    const x = Tensor.adopt(values, [0, 3]);
    transfer(values);
    expect(x.array()).to.deep.equal([]);
    expect(x.sum().item()).to.equal(0);
  });
});

describe('an optimizer that meets a gradient or parameter whose array was transferred', () => {
  const network = () => {
    const [first, second] = [new Linear(2, 2), new Linear(2, 1)];
    const parameters = () => [first.weight, first.bias, second.weight, second.bias];
    const names = ['first.weight', 'first.bias', 'second.weight', 'second.bias'];
    return {
      first,
      second,
      values: () => parameters().map((p) => [...p.clone().data]),
      parameters: () => parameters().map((p, i) => [names[i], p] as const),
      update(...args: Parameters<Linear<2, 2>['update']>) {
        first.update(...args);
        second.update(...args);
      },
      loss: () => {
        const x = Tensor.from([1, 2, 3, 4], [2, 2]);
        return second.forward(first.forward(x.trace())).square().mean();
      },
    };
  };
  const optimizers = { Sgd: () => new Sgd({ momentum: 0.9 }), Adam: () => new Adam() };
  for (const [name, make] of Object.entries(optimizers)) {
    it(`${name} names the parameter and updates none`, () => {
      const net = network();
      const optimizer = make();
      optimizer.update(net, backward(net.loss()));
      const before = net.values();
      const gradients = backward(net.loss());
      const gradient = gradients.get(net.second.bias);
      if (gradient !== undefined) transfer(gradient.data);
      const update = () => {
        optimizer.update(net, gradients);
      };
      expectError(update, TypeError, 'the gradient of second.bias', 'detached');
      expect(net.values()).to.deep.equal(before);
      // The gradients are not consumed either.
      expect(gradients.get(net.first.weight)?.shape).to.deep.equal([2, 2]);
      expectError(() => clipGradNorm(net, gradients, 1e-9), TypeError, 'the gradient of second.bias');
      optimizer.update(net, backward(net.loss()));
    });

    it(`${name} updates nothing if the array of a parameter was transferred`, () => {
      const net = network();
      const optimizer = make();
      const gradients = backward(net.loss());
      const before = [...net.first.weight.clone().data];
      transfer(net.second.bias.data);
      const update = () => {
        optimizer.update(net, gradients);
      };
      expectError(update, TypeError, 'second.bias', 'detached');
      expect([...net.first.weight.clone().data]).to.deep.equal(before);
    });
  }

  it('backward adds to no gradients if the array of one was transferred', () => {
    const net = network();
    const gradients = backward(net.loss());
    const before = [...(gradients.get(net.first.weight)?.clone().data ?? [])];
    const gradient = gradients.get(net.second.bias);
    if (gradient !== undefined) transfer(gradient.data);
    const loss = net.loss();
    expectError(() => backward(loss, { into: gradients }), TypeError, 'shape [1]', 'detached');
    expect([...(gradients.get(net.first.weight)?.data ?? [])]).to.deep.equal(before);
    // The graph was not consumed.
    expect(backward(loss).get(net.second.bias)?.shape).to.deep.equal([1]);
  });
});

describe('a composition with a transferred array', () => {
  it('names its path when it is saved, loaded, folded or written as JSON', async () => {
    const make = () => new Sequential(new ReLU(), new BatchNorm2D(3));
    const folder = mkdtempSync(join(tmpdir(), 'lost-memory-'));
    const file = join(folder, 'net.safetensors');
    try {
      await saveSafetensors(file, make());
      const net = make();
      transfer(net.layers[1].runningVar.data);
      await expectRejection(saveSafetensors(file, net), TypeError, '"1.running_var"', 'detached');
      await expectRejection(loadSafetensors(file, net), TypeError, '"1.running_var"', 'detached');
      expectError(() => JSON.stringify(net), TypeError, 'layers[1].runningVar', 'detached');
      const foldable = new Sequential(new ReLU(), new Conv2D(3, 3, 1), new BatchNorm2D(3));
      transfer(foldable.layers[2].runningVar.data);
      expectError(() => fold(foldable), TypeError, 'layers[2].runningVar', 'detached');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a DataLoader whose arrays were transferred', () => {
  const loader = () => {
    const features = Float32Array.from([1, 2, 3, 4]);
    const labels = Int32Array.from([0, 1]);
    const batches = new DataLoader({ features, labels, shape: [2] }, { batchSize: 1 });
    return { features, labels, batches };
  };

  it('names features and labels', () => {
    const first = loader();
    const iterator = first.batches[Symbol.iterator]();
    expect(iterator.next().value?.x.array()).to.deep.equal([[1, 2]]);
    transfer(first.features);
    expectError(() => iterator.next(), TypeError, 'features', 'detached');
    const second = loader();
    transfer(second.labels);
    expectError(() => [...second.batches], TypeError, 'labels', 'detached');
  });

  it('has the same code wherever it is found', () => {
    const gone = <A extends ArrayBufferView<ArrayBuffer>>(array: A) => {
      structuredClone(array, { transfer: [array.buffer] });
      return array;
    };
    const floats = () => gone(new Float32Array(4));
    const channels = Float32Array.of(1);
    const uses: Readonly<Record<string, () => unknown>> = {
      'features of a new DataLoader': () =>
        new DataLoader({ features: floats(), shape: [2] }, { batchSize: 1 }),
      'labels of a new DataLoader': () =>
        new DataLoader(
          { features: new Float32Array(4), labels: gone(new BigInt64Array(2)), shape: [2] },
          { batchSize: 1 },
        ),
      'class targets': () => crossEntropyWithLogitsLoss(Tensor.zeros([4, 2]), gone(new Uint8Array(4))),
      'Tensor.from': () => Tensor.from(floats(), [4]),
      'Tensor.adopt': () => Tensor.adopt(floats(), [4]),
      'batchnorm/raw': () =>
        batchNormTraining({ x: floats(), shape: [4, 1, 1, 1], scale: channels, bias: channels }),
    };
    for (const [name, use] of Object.entries(uses)) {
      expect(use, name).to.throw(TypeError, 'detached').with.property('code', 'ERR_BATCHNORM_DETACHED');
    }
    const { batches, features } = loader();
    transfer(features);
    expect(() => [...batches])
      .to.throw(TypeError, 'features')
      .with.property('code', 'ERR_BATCHNORM_DETACHED');
  });

  it('batchSamples names the sample', async () => {
    const waiting = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
    async function* samples() {
      for (const features of waiting) yield { features, label: 0 };
      transfer(waiting[0]);
      await Promise.resolve();
    }
    const batches = batchSamples(samples(), { shape: [2], batchSize: 4 });
    const error: unknown = await batches.next().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(TypeError);
    expect((error as Error).message)
      .to.include('samples[0].features')
      .and.include('detached');
  });
});

/** The constructors as of Node 20; TypeScript's library may be older. */
type Resizable = new (
  bytes: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(bytes: number): void };

describe('memory of earlier tensors never shows', () => {
  const secret = 12345;

  beforeEach(() => {
    storagePool.clear();
    for (let copy = 0; copy < 8; copy++) {
      const tensors = [2, 4, 6, 8].map((n) => Tensor.from(new Float32Array(n).fill(secret), [n]));
      for (const tensor of tensors) tensor.dispose();
    }
  });

  const resizable = () => {
    const buffer = new (ArrayBuffer as unknown as Resizable)(32, { maxByteLength: 64 });
    return new Float32Array(buffer);
  };
  const growable = () => {
    const buffer = new (SharedArrayBuffer as unknown as Resizable)(32, { maxByteLength: 64 });
    return new Float32Array(buffer);
  };

  for (const [name, make] of Object.entries({ resizable, growable })) {
    it(`arrays over a ${name} buffer are not kept`, () => {
      expectError(() => Tensor.adopt(make(), [8]), RangeError, 'fixed size', 'values', 'slice()');
      const dataset = { features: make(), shape: [2] as const };
      expectError(() => new DataLoader(dataset, { batchSize: 1 }), RangeError, 'fixed size', 'features');
      const labels = {
        features: new Float32Array(8),
        shape: [1] as const,
        labels: make(),
        labelShape: [] as const,
      };
      expectError(() => new DataLoader(labels, { batchSize: 1 }), RangeError, 'fixed size', 'labels');
      // The values are copied at once.
      expect(Tensor.from(make().fill(3), [8]).data).to.deep.equal(new Float32Array(8).fill(3));
    });
  }

  it('in place of samples that shrink while they wait', async () => {
    const features = resizable().fill(1);
    const buffer = features.buffer;
    async function* samples() {
      yield { features, label: 0 };
      buffer.resize(8);
      await Promise.resolve();
    }
    const error: unknown = await batchSamples(samples(), { shape: [8], batchSize: 4 })
      .next()
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(Error);
    expect((error as Error).message).to.include('samples[0].features');
  });

  it('in place of labels that shrink while they wait', async () => {
    const label = [1, 2];
    async function* samples() {
      yield { features: Float32Array.of(0), label };
      label.length = 1;
      await Promise.resolve();
    }
    const batches = batchSamples(samples(), { shape: [1], labelShape: [2], batchSize: 4 });
    const { value } = await batches.next();
    expect(value?.labels.array()).to.deep.equal([[1, 2]]);
  });

  class Liar extends Float32Array {
    override get length(): number {
      return 8;
    }
  }
  const withOwnLength = () => Object.defineProperty(new Float32Array([1, 2]), 'length', { value: 8 });

  for (const [name, make] of Object.entries({
    'a subclass': () => new Liar([1, 2]),
    'an array of its own length': withOwnLength,
  })) {
    it(`beyond the end of ${name} that claims to be longer`, () => {
      expectError(() => Tensor.from(make(), [8]), RangeError, '8 values', 'length 2');
      expect(Tensor.from(make(), [2]).array()).to.deep.equal([1, 2]);
      expectError(() => Tensor.adopt(make(), [8]), RangeError, '8 values', 'length 2');
      const adopted: Tensor1D<2> = Tensor.adopt(make(), [2]);
      expect(adopted.add(1).array()).to.deep.equal([2, 3]);
      expect(adopted.clone().data).to.have.length(2);
      const dataset = { features: make(), shape: [4] as const };
      expectError(() => new DataLoader(dataset, { batchSize: 1 }), RangeError, 'features', '4 values');
    });
  }

  it('in place of values that subarray() of a subclass omits', () => {
    class Short extends Float32Array {
      override subarray() {
        return new Float32Array(0);
      }
    }
    const features = new Short(new ArrayBuffer(16));
    features.set([1, 2, 3, 4]);
    const [batch] = new DataLoader({ features, shape: [4] }, { batchSize: 1 });
    expect(batch.x.array()).to.deep.equal([[1, 2, 3, 4]]);
  });

  it('beyond the end of a proxy whose length differs on each read', () => {
    let asked = 0;
    const changing = new Proxy([1, 2, 3, 4], {
      get: (target, key) =>
        key === 'length' ? (asked++ % 2 === 0 ? 8 : 4) : (Reflect.get(target, key) as unknown),
    });
    for (const shape of [[8], [4]]) {
      let values: readonly number[] = [];
      try {
        values = [...Tensor.from(changing, shape).data];
      } catch (error) {
        expect(error).to.be.instanceOf(Error);
      }
      expect(values).not.to.include(secret);
    }
    const proxied = new Proxy(new Float32Array(2), {});
    expectError(() => (Tensor.adopt as Untyped)(proxied, [2]), TypeError, 'a Float32Array');
    expectError(() => (Tensor.from as Untyped)(proxied, [2]), TypeError, 'an array of numbers');
  });

  it('after a random generator throws, and its memory is released', () => {
    let calls = 0;
    const rng = () => {
      if (calls++ > 2) throw new Error('no more');
      return 0.5;
    };
    const before = storagePool.bytes;
    expectError(() => Tensor.randn([8], { rng }), Error, 'no more');
    expect(storagePool.bytes).to.equal(before);
  });
});
