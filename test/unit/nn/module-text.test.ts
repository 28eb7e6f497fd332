import { inspect } from 'node:util';
import {
  BatchNorm2D,
  Conv2D,
  Dropout,
  Flatten2D,
  FrozenBatchNorm2D,
  GeneralizedResidual,
  LeakyReLU,
  Linear,
  MaxPool2D,
  parametersOf,
  ReLU,
  Residual,
  Sequential,
  type Tensor,
  updateParameter,
} from 'batchnorm';
import type { GradientProvider, UnusedTensors } from 'batchnorm';
import { expect } from 'chai';

describe('a module that is printed', () => {
  it('shows settings, shapes, ranges and parameters of a layer', () => {
    const linear = new Linear(2, 3);
    linear.weight.data.set([-1, 0, 1, 2, 3, 4]);
    linear.bias.data.fill(0.5);
    expect(inspect(linear)).to.equal(
      'Linear(2, 3) {\n  weight [3, 2]: -1 to 4, mean 1.5\n  bias [3]: 0.5\n  9 parameters, all trainable\n}',
    );
    const conv = new Conv2D(1, 2, 3, { stride: 2, bias: false, rng: () => 0.5 });
    expect(String(conv)).to.equal(
      'Conv2D(1, 2, 3) {\n  stride: 2, padding: 0\n  weight [2, 1, 3, 3]: 0\n  18 parameters, all trainable\n}',
    );
    expect(String(FrozenBatchNorm2D.from(new BatchNorm2D(2)))).to.include('8 parameters, none trainable');
    expect(String(FrozenBatchNorm2D.from(new BatchNorm2D(2), { trainable: true }))).to.include(
      '8 parameters: 4 trainable, 4 not trainable',
    );
  });

  it('shows layers without parameters in one line', () => {
    expect(
      inspect([new ReLU(), new LeakyReLU(0.25), new MaxPool2D(2, { stride: 2 }), new Dropout(0.2)]),
    ).to.equal(
      '[\n  ReLU(),\n  LeakyReLU(0.25),\n  MaxPool2D(2) { stride: 2, padding: 0 },\n  Dropout(0.2)\n]',
    );
  });

  it('shows each layer of a network, and how many parameters it has', () => {
    const bn = new BatchNorm2D(4);
    const net = new Sequential(
      new Conv2D(1, 4, 3, { padding: 1, bias: false }),
      bn,
      new Residual(new Sequential(new Conv2D(4, 4, 1), FrozenBatchNorm2D.from(bn))),
      new GeneralizedResidual(new Conv2D(4, 2, 1), new Conv2D(4, 2, 1)),
      new Flatten2D(),
      new Linear(512, 512),
    );
    const lines = String(net)
      .split('\n')
      .map((line) => line.replace(/ {2,}(?=\S)/g, '  '));
    expect(lines).to.deep.equal([
      'Sequential {',
      '  0: Conv2D(1, 4, 3) { stride: 1, padding: 1 }  weight [4, 1, 3, 3]  36',
      '  1: BatchNorm2D(4)  scale [4], bias [4], runningMean [4], runningVar [4]  16 (8 trainable)',
      '  2: Residual',
      '  f: Sequential',
      '  0: Conv2D(4, 4, 1) { stride: 1, padding: 0 }  weight [4, 4, 1, 1], bias [4]  20',
      '  1: FrozenBatchNorm2D(4)  scale [4], bias [4], runningMean [4], runningVar [4]  16 (not trainable)',
      '  3: GeneralizedResidual',
      '  f: Conv2D(4, 2, 1) { stride: 1, padding: 0 }  weight [2, 4, 1, 1], bias [2]  10',
      '  r: Conv2D(4, 2, 1) { stride: 1, padding: 0 }  weight [2, 4, 1, 1], bias [2]  10',
      '  4: Flatten2D()',
      '  5: Linear(512, 512)  weight [512, 512], bias [512]  262,656',
      '  262,764 parameters: 262,740 trainable, 24 not trainable',
      '}',
    ]);
    // Nested layers are indented.
    expect(String(net)).to.match(/^ {2}2: Residual\n {5}f: Sequential\n {8}0: Conv2D/m);
    expect(inspect(net)).to.equal(String(net));
  });

  it('counts shared layers once', () => {
    const linear = new Linear(3, 3);
    const text = String(new Sequential(linear, new ReLU(), new Residual(linear)));
    expect(text).to.include('f: Linear (shared with 0)').and.to.include('12 parameters, all');
  });

  it("shows a user's layers", () => {
    class Block {
      readonly inner = new Linear(2, 2);
      readonly fixed = new Linear(1, 1);
      forward(x: Tensor<readonly [number, 2]>) {
        return this.inner.forward(x);
      }
      parameters() {
        return [...parametersOf('inner', this.inner), ...parametersOf('fixed', this.fixed)];
      }
      update(provider: GradientProvider, unused: UnusedTensors): void {
        updateParameter(this.inner.weight, provider, unused);
      }
    }
    class Broken extends Block {
      override update(): void {
        throw new Error('not today');
      }
    }
    const line =
      /0: Block\(\) {2}inner\.weight \[2, 2\], inner\.bias \[2\], fixed\.weight \[1, 1\], fixed\.bias \[1\] {2}8 \(4 trainable\)/;
    expect(String(new Sequential(new Block()))).to.match(line);
    expect(String(new Sequential(new Broken()))).to.include('8 parameters, none trainable');
    expect(inspect(new Block())).to.include('weight [2, 2]: ').and.to.include('Block {');
  });

  it("follows util.inspect's depth", () => {
    const net = new Sequential(new Residual(new Sequential(new ReLU())));
    expect(inspect({ net }, { depth: 0 })).to.equal('{ net: [Sequential] }');
    expect(inspect({ net }, { depth: 1 })).to.include('0: ReLU()');
    expect(inspect(net, { colors: true, compact: false })).to.equal(String(net));
  });

  it('is not changed by printing, and may contain disposed tensors', () => {
    const bn = new BatchNorm2D(2);
    const { version, data } = { version: JSON.stringify(bn), data: bn.scale.data };
    inspect(bn);
    expect(JSON.stringify(bn)).to.equal(version);
    expect(bn.scale.data).to.equal(data);
    bn.scale.dispose();
    expect(inspect(bn)).to.include('scale [2]: (disposed)');
    expect(inspect(new Sequential(bn))).to.include('scale [2], bias [2]');
  });

  it('stays short for many layers', () => {
    const layers = Array.from({ length: 5000 }, () => new ReLU());
    const net = Reflect.construct(Sequential, layers) as Sequential<[]>;
    const lines = String(net).split('\n');
    expect(lines.length).to.be.lessThan(1010);
    expect(lines.slice(-3)).to.deep.equal(['  ... and 4,000 more layers', '  0 parameters', '}']);
  });
});
