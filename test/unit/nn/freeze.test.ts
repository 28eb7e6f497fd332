import {
  Adam,
  backward,
  BaseModule,
  BatchNorm2D,
  clipGradNorm,
  Conv2D,
  ConvTranspose2D,
  Flatten2D,
  FrozenBatchNorm2D,
  type Gradients,
  GroupNorm,
  InstanceNorm2D,
  LayerNorm,
  Linear,
  loadCheckpoint,
  type OwnedTape,
  recalibrate,
  ReLU,
  Residual,
  RMSNorm,
  RMSprop,
  saveCheckpoint,
  Sequential,
  Sgd,
  type Shape,
  summary,
  Tensor,
  type Tensor4D,
  UnusedParamsError,
} from 'batchnorm';
import { expect } from 'chai';
import fc from 'fast-check';
import { backendCalls, nullArguments } from '../../support/backend-calls.js';
import { expectError, expectRejection } from '../../support/errors.js';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

function network(seed = 1) {
  const rng = seeded(seed);
  return new Sequential(
    new Conv2D(2, 4, 3, { padding: 1, rng }),
    new BatchNorm2D(4),
    new ReLU(),
    new Residual(new Sequential(new Conv2D(4, 4, 3, { padding: 1, rng }), new BatchNorm2D(4))),
    new ReLU(),
    new Flatten2D(),
    new Linear(36, 3, { rng }),
  );
}

type Network = ReturnType<typeof network>;

const x = Tensor.randn([5, 2, 3, 3], { rng: seeded(2) });
/** A second batch, so that a saved running statistic differs from the present one. */
const other = Tensor.randn([5, 2, 3, 3], { rng: seeded(3) });

function gradients(net: Network, input = x.trace({ gradient: false })): Gradients {
  return backward(net.forwardMut(input).square().mean());
}

function bits(net: Network): Record<string, readonly number[]> {
  return Object.fromEntries(net.parameters().map(([name, { data }]) => [name, [...data]]));
}

const learned = (name: string) => !/running(Mean|Var)$/.test(name);

describe('freeze', () => {
  const path = temporaryDirectory();

  it('keeps optimizers from changing the tensors that it selects, and from asking for their gradients', () => {
    for (const make of [
      () => new Sgd({ lr: 0.1, momentum: 0.9 }),
      () => new Adam({ lr: 0.1 }),
      () => new RMSprop({ lr: 0.1 }),
    ]) {
      const net = network().freeze(/^[0-4]\./);
      const before = bits(net);
      const optimizer = make();
      for (let i = 0; i < 2; i++) optimizer.update(net, gradients(net));
      const after = bits(net);
      for (const name of Object.keys(before)) {
        const hasChanged = JSON.stringify(after[name]) !== JSON.stringify(before[name]);
        expect(hasChanged, name).to.equal(name.startsWith('6.'));
      }
    }
  });

  it('returns the module, accepts a module inside another, and is undone by unfreeze()', () => {
    const net = network();
    expect(net.layers[0].freeze()).to.equal(net.layers[0]);
    expect(gradients(net).get(net.layers[0].weight)).to.equal(undefined);
    net.layers[0].unfreeze('bias');
    expect(gradients(net).get(net.layers[0].weight)).to.equal(undefined);
    expect(gradients(net).get(net.layers[0].bias as Tensor<readonly [4]>)).to.not.equal(undefined);
    expect(net.unfreeze()).to.equal(net);
    expect(gradients(net).get(net.layers[0].weight)).to.not.equal(undefined);
  });

  it('does not change the bits of the other gradients', () => {
    const frozen = fc.subarray(
      network()
        .parameters()
        .map(([name]) => name)
        .filter(learned),
    );
    fc.assert(
      fc.property(frozen, fc.boolean(), (names, inputGradient) => {
        const [plain, part] = [network(), network()];
        if (names.length > 0) part.freeze((name) => names.includes(name));
        const expected = gradients(plain, x.trace({ gradient: inputGradient }));
        const found = gradients(part, x.trace({ gradient: inputGradient }));
        const wanted = new Map<string, Tensor<readonly number[]>>(plain.parameters());
        for (const [name, tensor] of part.parameters()) {
          const own = names.includes(name) ? undefined : wanted.get(name);
          const values = own === undefined ? undefined : expected.get(own)?.array();
          expect(found.get(tensor)?.array(), name).to.deep.equal(values);
        }
        expect(found.get(x)?.array()).to.deep.equal(expected.get(x)?.array());
        // Running statistics that are not frozen are updated as before.
        expect(bits(part)).to.deep.equal(bits(plain));
      }),
      { numRuns: 40 },
    );
  });

  it('calls no operation of the backward pass for frozen layers in front', () => {
    const [plain, frozen] = [network(), network().freeze(/^[0-4]\./)];
    const calls = (net: Network) => {
      const loss = net
        .forwardMut(x.trace({ gradient: false }))
        .square()
        .mean();
      return backendCalls(() => backward(loss));
    };
    expect(calls(plain)).to.deep.include({
      conv2dWeightGradient: 2,
      conv2dAddInputGradient: 1,
      batchNormBackward: 2,
      matmul: 2,
    });
    const { matmul, ...others } = calls(frozen);
    expect(matmul).to.equal(1);
    for (const name of Object.keys(others)) expect(name).to.not.match(/^(conv2d|batchNorm)/);
  });

  it('calls no operation for frozen weights behind trained layers', () => {
    const rng = seeded(4);
    const [matrix, image, vector] = [
      Tensor.randn([4, 3], { rng }),
      Tensor.randn([2, 2, 4, 4], { rng }),
      Tensor.randn([3], { rng }),
    ];
    const linear = new Linear(3, 2, { rng }).freeze();
    const conv = new Conv2D(2, 3, 3, { rng }).freeze();
    const transposed = new ConvTranspose2D(2, 3, 3, { rng }).freeze();
    // Of the operations that compute gradients; the input gradient of a transposed convolution is a convolution.
    const calls = (loss: Tensor<readonly [], OwnedTape>) => {
      const {
        matmul = 0,
        conv2d = 0,
        conv2dInputGradient = 0,
        conv2dWeightGradient = 0,
      } = backendCalls(() => backward(loss));
      return { matmul, conv2d, conv2dInputGradient, conv2dWeightGradient };
    };
    const none = { matmul: 0, conv2d: 0, conv2dInputGradient: 0, conv2dWeightGradient: 0 };
    expect(calls(linear.forward(matrix.trace()).sum())).to.deep.equal({ ...none, matmul: 1 });
    expect(calls(conv.forward(image.trace()).sum())).to.deep.equal({ ...none, conv2dInputGradient: 1 });
    expect(calls(transposed.forward(image.trace()).sum())).to.deep.equal({ ...none, conv2d: 1 });
    // An elementwise operation does not sum the gradient of a frozen operand.
    const holder = new (class extends BaseModule {
      readonly factor = vector;
    })().freeze();
    const loss = matrix.trace().mul(holder.factor).sum();
    expect(backendCalls(() => backward(loss)).sumRows).to.equal(undefined);
  });

  it('computes no sums for a frozen weight, scale or bias beside a trained one', () => {
    const rng = seeded(4);
    const image = Tensor.randn([2, 2, 4, 4], { rng });
    const conv = new Conv2D(2, 3, 3, { rng });
    const norms = [new GroupNorm(1, 2), new InstanceNorm2D(2, { affine: true })];
    const nulls = (module: BaseModule & { forward(x: unknown): unknown }, frozen: RegExp) => {
      module.unfreeze().freeze(frozen);
      const loss = (module.forward(image.trace()) as Tensor<Shape, OwnedTape>).square().sum();
      const operation = module === conv ? 'conv2dWeightGradient' : 'groupNormBackward';
      return nullArguments(operation, () => backward(loss));
    };
    expect(nulls(conv, /^weight$/)).to.deep.equal([['dweight']]);
    expect(nulls(conv, /^bias$/)).to.deep.equal([['dbias']]);
    for (const norm of norms) {
      expect(nulls(norm, /^scale$/)).to.deep.equal([['dscale']]);
      expect(nulls(norm, /^bias$/)).to.deep.equal([['dbias']]);
      expect(nulls(norm, /^(scale|bias)$/)).to.deep.equal([['dscale', 'dbias']]);
    }
  });

  it('computes only the sums of a batch norm whose input needs no gradient', () => {
    const residual = Tensor.randn([5, 2, 3, 3], { rng: seeded(6) });
    for (const added of [undefined, residual]) {
      const norms = { training: new BatchNorm2D(2), frozen: new BatchNorm2D(2).freeze(/^running/) };
      for (const bn of Object.values(norms)) {
        const pass = (from: Tensor4D<5, 2, 3, 3, OwnedTape>) =>
          (added === undefined ? bn.forwardMut(from) : bn.forwardMutRelu(from, added.trace())).square().sum();
        const whole = backward(pass(x.trace()));
        const loss = pass(x.trace({ gradient: false }));
        let part: Gradients | undefined;
        const calls = backendCalls(() => (part = backward(loss)));
        expect(calls).to.include({ batchNormGradientSums: 1 }).and.not.have.any.keys('batchNormBackward');
        for (const tensor of [bn.scale, bn.bias, residual] as Tensor<Shape>[]) {
          expect(part?.get(tensor)?.array()).to.deep.equal(whole.get(tensor)?.array());
        }
      }
    }
  });

  it('does not change the bits of the other gradients of norms of samples', () => {
    const rng = seeded(4);
    const vectors = Tensor.randn([70, 5], { rng });
    for (const norm of [new LayerNorm([5]), new RMSNorm([5]), new GroupNorm(1, 5), new GroupNorm(5, 5)]) {
      const find = (frozen?: RegExp) => {
        norm.unfreeze();
        if (frozen !== undefined) norm.freeze(frozen);
        return backward(norm.forward(vectors.trace()).square().sum());
      };
      const all = find();
      for (const frozen of norm instanceof RMSNorm ? ['scale'] : ['scale', 'bias', 'scale|bias']) {
        const part = find(new RegExp(`^(${frozen})$`));
        for (const [name, tensor] of [...norm.parameters(), ['x', vectors] as const]) {
          const expected = frozen.split('|').includes(name) ? undefined : all.get(tensor)?.array();
          expect(part.get(tensor)?.array(), `${frozen}: ${name}`).to.deep.equal(expected);
        }
      }
    }
  });

  it('saves nothing for operations without a gradient', () => {
    const conv = new Conv2D(2, 3, 3, { rng: seeded(4) }).freeze();
    const loss = conv.forward(x.trace({ gradient: false })).sum();
    // A saved weight would be reported as changed.
    conv.resetParams(seeded(5));
    conv.unfreeze().resetParams(seeded(6));
    expect(backward(loss).get(conv.weight)).to.equal(undefined);
  });

  it('makes batch norm use its running statistics, as FrozenBatchNorm2D does', () => {
    for (const affine of [true, false]) {
      const bn = new BatchNorm2D(2, { affine });
      bn.forwardMut(other.trace());
      const reference = FrozenBatchNorm2D.from(bn, { trainable: true });
      const statistics = [bn.runningMean.array(), bn.runningVar.array()];
      bn.freeze(/^running/);
      const residual = Tensor.randn([5, 2, 3, 3], { rng: seeded(6) });
      for (const added of [undefined, residual]) {
        const y = added === undefined ? bn.forwardMut(x.trace()) : bn.forwardMutRelu(x.trace(), added);
        const normalized = reference.forward(x.trace());
        const expected = added === undefined ? normalized : normalized.add(added).relu();
        expect(y.array()).to.deep.equal(expected.array());
        const [found, wanted] = [backward(y.square().sum()), backward(expected.square().sum())];
        expect(found.get(x)?.array()).to.deep.equal(wanted.get(x)?.array());
        if (bn.scale === undefined || bn.bias === undefined) continue;
        if (reference.scale === undefined || reference.bias === undefined) continue;
        expect(found.get(bn.scale)?.array()).to.deep.equal(wanted.get(reference.scale)?.array());
        expect(found.get(bn.bias)?.array()).to.deep.equal(wanted.get(reference.bias)?.array());
      }
      expect([bn.runningMean.array(), bn.runningVar.array()]).to.deep.equal(statistics);
      // One value per channel has no variance of its own.
      bn.forwardMut(Tensor.zeros([1, 2, 1, 1]).trace());
      expect(new Sequential(bn, new ReLU()).forwardMut(x.trace()).array()).to.deep.equal(
        reference.forward(x).relu().array(),
      );
    }
  });

  it('keeps batch statistics if only scale and bias are frozen', () => {
    const bn = new BatchNorm2D(2).freeze(/^(scale|bias)$/);
    const plain = new BatchNorm2D(2);
    expect(bn.forwardMut(x.trace()).array()).to.deep.equal(plain.forwardMut(x.trace()).array());
    expect(bn.runningMean.array()).to.deep.equal(plain.runningMean.array());
  });

  it('leaves frozen layers out of recalibrate() and resetParams()', async () => {
    const net = network();
    net.forwardMut(x.trace());
    net.freeze(/^[01]\./);
    const before = bits(net);
    await recalibrate(net, [other]);
    net.resetParams(seeded(9));
    const after = bits(net);
    for (const name of Object.keys(before)) {
      if (/^[01]\./.test(name)) expect(after[name], name).to.deep.equal(before[name]);
    }
    expect(after['6.weight']).to.not.deep.equal(before['6.weight']);
    net.freeze();
    await expectRejection(recalibrate(net, [other]), TypeError, 'not frozen');
  });

  it('does not count frozen parameters in clipGradNorm()', () => {
    const net = network().freeze(/^[0-4]\./);
    const found = gradients(net);
    const { weight, bias } = net.layers[6];
    const values = [...(found.get(weight)?.data ?? []), ...(found.get(bias)?.data ?? [])];
    const norm = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    expect(clipGradNorm(net, found, Infinity)).to.be.closeTo(norm, 1e-9);
  });

  it('still reports other parameters without a gradient', () => {
    const net = network().freeze('0.');
    const others = backward(Tensor.ones([2]).trace().sum());
    expectError(() => new Sgd().update(net, others), UnusedParamsError, 'none for 1.scale, 1.bias');
  });

  it('skips a gradient computed before the parameter was frozen', () => {
    const net = network();
    const before = gradients(net);
    net.freeze('6.');
    const weight = net.layers[6].weight.array();
    new Sgd({ lr: 0.1 }).update(net, before);
    expect(net.layers[6].weight.array()).to.deep.equal(weight);
  });

  it('selects groups of an optimizer among frozen parameters, too', () => {
    const net = network().freeze('0.');
    const optimizer = new Sgd({ lr: 0.1, groups: [{ match: '0.', lr: 0.01 }] });
    optimizer.update(net, gradients(net));
    net.unfreeze();
    optimizer.update(net, gradients(net));
  });

  it('is copied by clone(), and is not shared with the copy', () => {
    const net = network().freeze(/^[01]\./);
    const copy = net.clone();
    expect(gradients(copy).get(copy.layers[0].weight)).to.equal(undefined);
    copy.unfreeze();
    expect(gradients(copy).get(copy.layers[0].weight)).to.not.equal(undefined);
    expect(gradients(net).get(net.layers[0].weight)).to.equal(undefined);
  });

  it('is printed and counted', () => {
    const net = network()
      .freeze(/^[01]\./)
      .freeze('6.bias');
    const text = String(net);
    expect(text).to.match(/0: Conv2D\(2, 4, 3\) \{ .*frozen \} .*76 \(not trainable\)/);
    expect(text).to.match(/1: BatchNorm2D\(4\) \{ frozen \} .*16 \(not trainable\)/);
    expect(text).to.match(/6: Linear\(36, 3\) \{ frozen: bias \} .*111 \(108 trainable\)/);
    expect(String(net.layers[0])).to.match(/frozen\n[^]*76 parameters, none trainable/);
    expect(String(new BatchNorm2D(2).freeze(/^running/))).to.include('frozen: runningMean, runningVar');
    const { layers, trainable } = summary(net, [1, 2, 3, 3]);
    expect(layers.find(({ path: at }) => at === '6')).to.deep.include({ parameters: 111, trainable: 108 });
    // The convolution and the batch norm of the residual, and the weight of the last layer.
    expect(trainable).to.equal(4 * 4 * 9 + 4 + 8 + 108);
  });

  it('resumes from a checkpoint bit for bit, with the state of parameters that are frozen for a while', async () => {
    const optimizers = {
      adam: () => new Adam({ lr: 0.05 }),
      sgd: () => new Sgd({ lr: 0.05, momentum: 0.9, groups: [{ match: /bias$/, momentum: 0.5 }] }),
    };
    for (const [name, make] of Object.entries(optimizers)) {
      const step = (net: Network, optimizer: Adam | Sgd) => optimizer.update(net, gradients(net));
      // Layer 3 is trained, then frozen, then trained again; layers 0 and 1 are frozen until the end.
      const begin = (net: Network, optimizer: Adam | Sgd) => {
        net.freeze(/^[01]\./);
        step(net, optimizer);
        net.freeze('3.');
        step(net, optimizer);
      };
      const end = (net: Network, optimizer: Adam | Sgd) => {
        step(net, optimizer);
        net.unfreeze();
        for (let i = 0; i < 2; i++) step(net, optimizer);
      };
      const [whole, first, second] = [network(), network(), network(7)];
      const [one, two, three] = [make(), make(), make()];
      begin(whole, one);
      end(whole, one);
      begin(first, two);
      await saveCheckpoint(path(`${name}.npz`), { model: first, optimizer: two });
      step(second, three); // state that loading must replace
      await loadCheckpoint(path(`${name}.npz`), { model: second, optimizer: three });
      expect(String(second).match(/frozen/g)).to.deep.equal(String(first).match(/frozen/g));
      end(second, three);
      expect(bits(second), name).to.deep.equal(bits(whole));

      // A checkpoint without frozen tensors unfreezes them; the model's own file leaves them as they are.
      await saveCheckpoint(path('thawed.npz'), { model: whole, optimizer: one });
      second.freeze('0.');
      await second.load(path('thawed.npz'));
      expect(String(second)).to.include('frozen');
      await loadCheckpoint(path('thawed.npz'), { model: second, optimizer: three });
      expect(String(second)).to.not.include('frozen');
    }
  });

  it('freezes norms of samples and modules of users', () => {
    class Net extends BaseModule {
      readonly blocks = [new LayerNorm([3]), new LayerNorm([3])];
      forward(input: Tensor<readonly [number, 3]>) {
        return this.blocks[1].forward(this.blocks[0].forward(input));
      }
    }
    const net = new Net().freeze('blocks.0.');
    const found = backward(
      net.blocks[1]
        .forward(net.blocks[0].forward(Tensor.randn([4, 3]).trace()))
        .square()
        .sum(),
    );
    expect(found.get(net.blocks[0].scale)).to.equal(undefined);
    expect(found.get(net.blocks[1].scale)).to.not.equal(undefined);
  });

  it('refuses wrong arguments and changes nothing then', () => {
    const net = network();
    expectError(() => net.freeze('backbone.'), RangeError, 'for match', '"backbone."', 'such as 0.weight');
    expectError(() => net.freeze(3 as never), TypeError, 'for match', '3');
    expectError(() => net.freeze((() => 1) as never), TypeError, 'match()', '1');
    expectError(() => net.unfreeze(/z/), RangeError, 'for match', '/z/');
    expectError(() => new ReLU().freeze('weight'), RangeError, 'none of 0');
    expect(new ReLU().freeze()).to.be.instanceOf(ReLU);
    let calls = 0;
    const fails = (): boolean => {
      if (++calls > 2) throw new Error('mine');
      return true;
    };
    expectError(() => net.freeze(fails), Error, 'mine');
    expect(String(net)).to.not.include('frozen');
    expectError(() => FrozenBatchNorm2D.from(new Linear(2, 2) as never), TypeError, 'for other', 'Linear');
  });

  it('keeps its type', () => {
    const images: Tensor4D<5, 2, 3, 3> = x;
    expect(network().freeze().forward(images).shape).to.deep.equal([5, 3]);
  });
});
