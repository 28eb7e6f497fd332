import {
  backward,
  BatchNorm2D,
  type CanUpdateWithGradients,
  GeneralizedResidual,
  type OwnedTape,
  ReLU,
  Residual,
  Sequential,
  Tensor,
  type Tensor4D,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

type Image = Tensor4D<6, 3, 4, 5>;
type Traced = Tensor4D<6, 3, 4, 5, OwnedTape>;
interface Net extends CanUpdateWithGradients {
  forward(x: Image): Image;
  forwardMut(x: Traced): Traced;
}

const x: Image = Tensor.from(values(seeded(1), 6 * 3 * 20, 2), [6, 3, 4, 5]);
const weights: Image = Tensor.from(values(seeded(2), 6 * 3 * 20), [6, 3, 4, 5]);

/** A layer with its own parameters that counts its fused runs. */
function norm(seed: number): { bn: BatchNorm2D<3>; joined: { trained: number; inferred: number } } {
  const bn = new BatchNorm2D(3);
  bn.scale.data.set(values(seeded(seed), 3, 0.5, 1));
  bn.bias.data.set(values(seeded(seed + 1), 3, 0.5));
  const joined = { trained: 0, inferred: 0 };
  bn.forwardMutRelu = ((...args: unknown[]) => {
    joined.trained++;
    return (BatchNorm2D.prototype.forwardMutRelu as Untyped).apply(bn, args);
  }) as never;
  bn.forwardRelu = ((...args: unknown[]) => {
    joined.inferred++;
    return (BatchNorm2D.prototype.forwardRelu as Untyped).apply(bn, args);
  }) as never;
  return { bn, joined };
}

/** The results of a training step and of inference after it. */
function results(
  net: CanUpdateWithGradients,
  train: (x: Traced) => Traced,
  infer: (x: Image) => Image,
): unknown {
  const input = x.clone();
  const traced = input.trace();
  const loss = train(traced).mul(weights).sum();
  const gradients = backward(loss);
  return {
    loss: loss.item(),
    dx: gradients.get(input)?.array(),
    parameters: net
      .parameters()
      .map(([name, tensor]) => [name, [...tensor.clone().data], gradients.get(tensor)?.array()]),
    inferred: infer(x).array(),
  };
}

function expectSame(
  net: Net,
  train: (x: Traced) => Traced,
  infer: (x: Image) => Image,
  joins: readonly { trained: number; inferred: number }[],
): void {
  // Both runs must begin with the statistics before the first run moves them.
  const copy = (net as unknown as { clone(): Net }).clone();
  const found = results(
    copy,
    (t) => copy.forwardMut(t),
    (t) => copy.forward(t),
  );
  expect(found).to.deep.equal(results(net, train, infer));
  // The counts exclude layers of the copy and include one run of the network itself in each mode.
  net.forwardMut(x.trace());
  net.forward(x);
  for (const each of joins) expect(each).to.deep.equal({ trained: 1, inferred: 1 });
}

describe('BatchNorm2D followed by ReLU', () => {
  it('is fused in Sequential, bit-identical to the separate layers', () => {
    const [one, two] = [norm(1), norm(3)];
    const net = new Sequential(one.bn, new ReLU(), two.bn, new ReLU());
    expectSame(
      net,
      (t) => two.bn.forwardMut(one.bn.forwardMut(t).relu()).relu(),
      (t) => two.bn.forward(one.bn.forward(t).relu()).relu(),
      [one.joined, two.joined],
    );
  });

  it('is fused if the batch norm is the last layer of a nested Sequential', () => {
    const [one, two] = [norm(1), norm(3)];
    const net = new Sequential(new Sequential(one.bn, new ReLU(), two.bn), new ReLU());
    expectSame(
      net,
      (t) => two.bn.forwardMut(one.bn.forwardMut(t).relu()).relu(),
      (t) => two.bn.forward(one.bn.forward(t).relu()).relu(),
      [one.joined, two.joined],
    );
  });

  it('is fused with the sum of a Residual in between', () => {
    const [one, two] = [norm(1), norm(3)];
    const net = new Sequential(new Residual(new Sequential(one.bn, new ReLU(), two.bn)), new ReLU());
    expectSame(
      net,
      (t) => two.bn.forwardMut(one.bn.forwardMut(t).relu()).add(t).relu(),
      (t) => two.bn.forward(one.bn.forward(t).relu()).add(t).relu(),
      [one.joined, two.joined],
    );
    const { bn, joined } = norm(5);
    expectSame(
      new Sequential(new Residual(bn), new ReLU()),
      (t) => bn.forwardMut(t).add(t).relu(),
      (t) => bn.forward(t).add(t).relu(),
      [joined],
    );
  });

  it('is fused with the sum of a GeneralizedResidual, whose r runs in between', () => {
    const [one, two] = [norm(1), norm(3)];
    const net = new Sequential(new GeneralizedResidual(one.bn, two.bn), new ReLU());
    expectSame(
      net,
      (t) => one.bn.forwardMut(t).add(two.bn.forwardMut(t)).relu(),
      (t) => one.bn.forward(t).add(two.bn.forward(t)).relu(),
      [one.joined],
    );
    // Layers that share a generator draw in the order of the layers.
    const order: string[] = [];
    const noting = (name: string) => ({
      forward: (y: Image) => {
        order.push(name);
        return y;
      },
    });
    const wide = Reflect.construct(Sequential, [noting('f'), one.bn]) as never;
    const block = Reflect.construct(GeneralizedResidual, [wide, noting('r')]) as never;
    (Reflect.construct(Sequential, [block, new ReLU()]) as Net).forwardMut(x.trace());
    expect(order).to.deep.equal(['f', 'r']);
    // r returns x itself, which still belongs to the caller.
    (Reflect.construct(Sequential, [block, new ReLU()]) as Net).forward(x);
    expect(x.array()).to.have.length(6);
  });

  it('is not fused if another layer comes between or instead of the ReLU', () => {
    const { bn, joined } = norm(1);
    const relu = new ReLU();
    const nets = [
      new Sequential(bn),
      new Sequential(bn, new Sequential(relu)),
      new Sequential(new Residual(new Residual(bn)), relu),
      new Sequential(new Residual(new Sequential(bn, relu)), relu),
      new Residual(bn),
    ];
    for (const net of nets) {
      (net as unknown as Net).forwardMut(x.trace());
      (net as unknown as Net).forward(x);
    }
    // The last but one contains a pair.
    expect(joined).to.deep.equal({ trained: 1, inferred: 1 });
  });

  it('is not fused if a method of either layer was overridden', () => {
    class Doubled extends BatchNorm2D<3> {
      override forwardMut(): never {
        throw new Error('my own forwardMut');
      }
    }
    class Leaky extends ReLU {
      override forward(): never {
        throw new Error('my own forward');
      }
    }
    const bn = new BatchNorm2D(3);
    const patched = new BatchNorm2D(3);
    patched.forward = () => {
      throw new Error('my own forward');
    };
    const residual = new Residual(bn);
    residual.forward = () => {
      throw new Error('my own forward');
    };
    const train = (net: unknown) => () => (net as Net).forwardMut(x.trace());
    const infer = (net: unknown) => () => (net as Net).forward(x);
    expectError(train(new Sequential(new Doubled(3), new ReLU())), Error, 'my own forwardMut');
    expectError(infer(new Sequential(patched, new ReLU())), Error, 'my own forward');
    expectError(infer(new Sequential(bn, new Leaky())), Error, 'my own forward');
    expectError(train(new Sequential(bn, new Leaky())), Error, 'my own forward');
    expectError(infer(new Sequential(residual, new ReLU())), Error, 'my own forward');
  });

  it('refuses invalid input with the messages of the layers, and changes nothing', () => {
    const bn = new BatchNorm2D(3);
    const turned = { forward: (y: Image) => y.reshape([6, 3, 5, 4]) };
    const net = Reflect.construct(Sequential, [
      new Residual(Reflect.construct(Sequential, [bn, turned, bn]) as never),
      new ReLU(),
    ]) as unknown as Net;
    const before = JSON.stringify(bn);
    const parts = ['the result of f', '[6, 3, 4, 5]', '[6, 3, 5, 4]'];
    expectError(() => net.forwardMut(x.trace()), RangeError, ...parts);
    expectError(() => net.forward(x), RangeError, ...parts);
    const pair = new Sequential(new BatchNorm2D(2), new ReLU()) as unknown as Net;
    expectError(() => pair.forward(x), RangeError, 'Expected 2 channels for x');
    expectError(() => pair.forwardMut(x.trace()), RangeError, '2 channels for x');
    expect(JSON.stringify(bn)).to.equal(before);
  });
});
