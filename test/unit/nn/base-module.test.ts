import { inspect } from 'node:util';
import {
  Adam,
  backward,
  BaseModule,
  BatchNorm2D,
  clipGradNorm,
  Linear,
  loadSafetensors,
  moduleFromJSON,
  type NamedTensor,
  type OwnedTape,
  recalibrate,
  ReLU,
  saveSafetensors,
  Sequential,
  Sgd,
  type Shape,
  Tensor,
  type Tensor2D,
  type Tensor4D,
  UnusedTensors,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** Layers, an array of them, tensors of its own, and fields that are neither. */
class Net extends BaseModule {
  readonly norm = new BatchNorm2D(2);
  readonly blocks = [new Linear(18, 4), new Linear(4, 4)] as const;
  readonly gain = Tensor.ones([4]);
  readonly offset = Tensor.zeros([4]);
  readonly title = 'net';
  cached: Tensor2D<number, 4, OwnedTape> | undefined;

  forwardMut(x: Tensor4D<number, 2, 3, 3, OwnedTape>): Tensor2D<number, 4, OwnedTape> {
    const [first, second] = this.blocks;
    this.cached = first.forward(this.norm.forwardMut(x).reshape([x.shape[0], 18]));
    return second.forward(this.cached).mul(this.gain).add(this.offset);
  }
  protected override buffers(): readonly string[] {
    return ['offset'];
  }
  protected override initialize(): void {
    this.gain.data.fill(1);
    this.offset.data.fill(0);
  }
}

/** A field that shares a layer of an array. */
class Tied extends BaseModule {
  readonly norm = new BatchNorm2D(2);
  readonly heads = [new Linear(18, 4)];
  shared: Linear<18, 4> | undefined;

  forward(x: Tensor4D<number, 2, 3, 3>): Tensor2D<number, 4> {
    return this.heads[0].forward(this.norm.forward(x).reshape([x.shape[0], 18]));
  }
  forwardMut(x: Tensor4D<number, 2, 3, 3, OwnedTape>): Tensor2D<number, 4, OwnedTape> {
    return this.heads[0].forward(this.norm.forwardMut(x).reshape([x.shape[0], 18]));
  }
}

const x: Tensor4D<4, 2, 3, 3> = Tensor.from(values(seeded(3), 72), [4, 2, 3, 3]);
const names = ['norm.scale', 'norm.bias', 'norm.runningMean', 'norm.runningVar'];
const namesOf = (tensors: readonly NamedTensor[]) => tensors.map(([name]) => name);
const contents = (module: BaseModule) => module.parameters().map(([name, { data }]) => [name, ...data]);

describe('a module that extends BaseModule', () => {
  const path = temporaryDirectory();

  it('offers each parameter of its own and of the modules inside to a provider', () => {
    const net = new Net();
    const unused = new UnusedTensors();
    net.update({ gradient: () => undefined }, unused);
    const learned = net.parameters().filter(([name]) => !/running|offset/.test(name));
    expect(unused.tensors.map(({ id }) => id)).to.have.members(learned.map(([, { id }]) => id));
  });

  it('finds tensors and layers in its fields and in arrays there', () => {
    const net = new Net();
    const blocks = ['blocks.0.weight', 'blocks.0.bias', 'blocks.1.weight', 'blocks.1.bias'];
    expect(namesOf(net.parameters())).to.deep.equal([...names, ...blocks, 'gain', 'offset']);
    expect(namesOf(net.state())).to.deep.equal(['norm.runningMean', 'norm.runningVar', 'offset']);
    net.forwardMut(x.trace());
    expect(namesOf(net.parameters()), 'a field with a taped tensor').to.have.length(10);
  });

  it('trains every parameter and no buffer', () => {
    const net = new Net();
    const before = contents(net).map(String);
    const gradients = backward(net.forwardMut(x.trace()).square().mean());
    expect(clipGradNorm(net, gradients, 1e6)).to.be.greaterThan(0);
    new Sgd({ lr: 0.1 }).update(net, gradients);
    const kept = contents(net).filter((each, i) => String(each) === before[i]);
    expect(kept.map(([name]) => name)).to.deep.equal(['offset']);
  });

  it('saves and loads all tensors as .npz and as safetensors', async () => {
    const net = new Net();
    new Adam({ lr: 0.1 }).update(net, backward(net.forwardMut(x.trace()).square().mean()));
    await net.save(path('net.npz'));
    const loaded = new Net();
    await loaded.load(path('net.npz'));
    expect(contents(loaded)).to.deep.equal(contents(net));
    await saveSafetensors(path('net.safetensors'), net);
    const other = new Net();
    await loadSafetensors(path('net.safetensors'), other);
    expect(contents(other)).to.deep.equal(contents(net));
  });

  it('gives PyTorch the names that pyTorchName() returns', async () => {
    class Renamed extends BaseModule {
      readonly gain = Tensor.ones([1]);
      protected override pyTorchName(key: string): string {
        return key === 'gain' ? 'weight' : key;
      }
    }
    class Outer extends BaseModule {
      readonly inner = new Renamed();
    }
    await saveSafetensors(path('renamed.safetensors'), new Outer());
    const known = { parameters: (): NamedTensor[] => [['inner.weight', Tensor.zeros([1])]] };
    await loadSafetensors(path('renamed.safetensors'), known);
  });

  it('is read from JSON into a new module, with its sharing', () => {
    const net = new Tied();
    [net.shared] = net.heads;
    net.norm.epsilon = 0.25;
    net.forwardMut(x.trace());
    const wrapped = new Sequential(net, new ReLU());
    const json: unknown = JSON.parse(JSON.stringify(wrapped));
    expect(json).to.have.nested.property('layers[0].shared.path', 'layers[0].heads[0]');
    const make = () => Object.assign(new Tied(), { shared: new Linear(18, 4) });
    const copy = moduleFromJSON(json, { types: { Tied: make } }) as typeof wrapped;
    expect(copy.forward(x).array()).to.deep.equal(wrapped.forward(x).array());
    expect(copy.layers[0].shared).to.equal(copy.layers[0].heads[0]);
    expect(copy.layers[0].norm.epsilon).to.equal(0.25);
    const wrong = { Tied: () => Object.assign(new Tied(), { norm: new ReLU() }) };
    expectError(() => moduleFromJSON(json, { types: wrong }), RangeError, 'layers[0].norm.type', 'ReLU');
  });

  it('is copied with its class, its sharing and its arrays', () => {
    const net = new Tied();
    [net.shared] = net.heads;
    const copy = net.clone();
    expect(copy).to.be.instanceOf(Tied);
    expect(copy.shared).to.equal(copy.heads[0]);
    expect(copy.forward(x).array()).to.deep.equal(net.forward(x).array());
    copy.heads[0].weight.data.fill(0);
    expect(net.heads[0].weight.data.some((value) => value !== 0)).to.equal(true);
    class TiedWeights extends BaseModule {
      readonly first = Tensor.ones([2]);
      readonly second = this.first;
    }
    const tied = new TiedWeights().clone();
    expect(tied.second).to.equal(tied.first);
    copy.heads.push(new Linear(18, 4));
    expect(net.heads).to.have.length(1);
  });

  it('resets everything or nothing', () => {
    const net = new Net();
    net.resetParams(seeded(1));
    const fresh = contents(net);
    new Sgd({ lr: 0.1 }).update(net, backward(net.forwardMut(x.trace()).square().mean()));
    const trained = contents(net);
    let left = 80;
    const failing = () => {
      if (left-- === 0) throw new Error('no more numbers');
      return 0.25;
    };
    expectError(() => net.resetParams(failing), Error, 'no more numbers', 'in blocks.1 (Linear)');
    expect(contents(net)).to.deep.equal(trained);
    net.resetParams(seeded(1));
    expect(contents(net)).to.deep.equal(fresh);
    class Untold extends BaseModule {
      readonly own = Tensor.ones([1]);
    }
    expectError(() => new Untold().resetParams(), TypeError, 'initialize() in Untold', 'own');
  });

  it('prints its layers and tensors with shapes and counts', () => {
    const lines = inspect(new Net())
      .split('\n')
      .map((line) => line.replace(/ {2,}(?=\S)/g, '  '));
    expect(lines).to.deep.equal([
      'Net {',
      '  norm: BatchNorm2D(2)  scale [2], bias [2], runningMean [2], runningVar [2]  8 (4 trainable)',
      '  blocks[0]: Linear(18, 4)  weight [4, 18], bias [4]  76',
      '  blocks[1]: Linear(4, 4)  weight [4, 4], bias [4]  20',
      '  gain: Tensor  [4]  4',
      '  offset: Tensor  [4]  4 (not trainable)',
      '  112 parameters: 104 trainable, 8 not trainable',
      '}',
    ]);
  });

  it('is recalibrated, and its statistics are restored where a later layer throws', async () => {
    const net = new Tied();
    expect(await recalibrate(net, [x, x])).to.equal(2);
    const before = JSON.stringify(net);
    const failing = {
      forward(): never {
        throw new Error('later');
      },
    };
    const chain = new Sequential(net, failing);
    expectError(() => chain.forwardMut(x.trace()), Error, 'later');
    expect(JSON.stringify(net)).to.equal(before);
    await expectRejection(recalibrate(new Linear(1, 1) as never, [x]), TypeError, 'forwardMut()');
  });

  it('refuses arrays that contain themselves, and arrays that are nested too deep', async () => {
    class Blocks extends BaseModule {
      readonly blocks: unknown[] = [new Linear(1, 1)];
      forward(y: Tensor<Shape>): Tensor<Shape> {
        return y;
      }
    }
    const cyclic = new Blocks();
    cyclic.blocks.push(cyclic.blocks, cyclic.blocks);
    const indirect = new Blocks();
    indirect.blocks.push([[indirect.blocks]]);
    const deep = new Blocks();
    let array = deep.blocks;
    for (let i = 0; i < 20_000; i++) array.push((array = []));
    for (const module of [cyclic, indirect, deep]) {
      const calls = [
        () => module.parameters(),
        () => module.toString(),
        () => module.clone(),
        () => module.toJSON(),
        () => module.freeze(),
        () => module.save(path('cyclic.npz')),
        () => module.load(path('cyclic.npz')),
        () => module.saveSafetensors(path('cyclic.safetensors')),
        () => new Sequential(module as never).parameters(),
      ];
      for (const call of calls) {
        const promise = Promise.resolve().then((): unknown => call());
        await expectRejection(promise, RangeError, 'at most 500 levels of nested arrays for Blocks.blocks');
      }
    }
  });

  it('refuses anything but names of fields with tensors from buffers()', () => {
    class Buffers extends BaseModule {
      readonly mean = Tensor.zeros([1]);
      readonly list = [Tensor.zeros([1])];
      readonly later: Tensor<Shape> | undefined = undefined;
      readonly layer = new Linear(1, 1);
      readonly count = 3;
      constructor(private readonly names: () => unknown) {
        super();
      }
      forward(y: Tensor<Shape>): Tensor<Shape> {
        return y;
      }
      protected override buffers(): readonly string[] {
        return this.names() as readonly string[];
      }
    }
    expect(new Buffers(() => ['mean', 'list', 'later']).state().map(([name]) => name)).to.deep.equal([
      'mean',
      'list.0',
    ]);
    const whole = 'an array of names of fields for the result of buffers() of Buffers';
    for (const names of [undefined, null, 'mean', new Set(['mean']), { 0: 'mean', length: 1 }, 3]) {
      const module = new Buffers(() => names);
      for (const call of [() => module.parameters(), () => module.state(), () => module.clone()]) {
        expectError(call, TypeError, whole);
        expect(call).to.throw().with.property('code', 'ERR_BATCHNORM_TYPE');
      }
    }
    for (const name of [
      'nope',
      'layer',
      'count',
      'names',
      'forward',
      'toString',
      '',
      0,
      undefined,
      Symbol('mean'),
    ]) {
      const module = new Buffers(() => ['mean', name]);
      const expected =
        'the name of a field with a tensor for element 1 of the result of buffers() of Buffers';
      expectError(() => module.parameters(), TypeError, expected, name === 'nope' ? '"nope"' : '');
    }
  });
});
