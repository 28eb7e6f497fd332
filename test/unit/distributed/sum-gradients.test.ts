import { backward, crossEntropyWithLogitsLoss, Linear, ReLU, Sequential, Tensor } from 'batchnorm';
import type { Group } from 'batchnorm/distributed';
import { backgroundSums } from '#lib/distributed/background-sums';
import { GradientSum } from '#lib/distributed/sum-gradients';
import { expect } from 'chai';
import { seeded } from '../../support/random.js';
import { makeWideNetwork } from './programs/bucket-scenarios.js';

describe('sums of gradients in the background', () => {
  it('begin with the last layers while the backward pass runs, and are collected in order', () => {
    const model = makeWideNetwork(1);
    const hidden = model.layers[0].forward(Tensor.ones([2, 20]).trace());
    const rest = model.layers.slice(1) as unknown as readonly { forward(x: unknown): unknown }[];
    const logits = rest.reduce<unknown>((y, layer) => layer.forward(y), hidden);
    const loss = crossEntropyWithLogitsLoss(logits as ReturnType<typeof model.forwardMut>, [0, 1]);
    const events: string[] = [];
    const isRunning = () => {
      try {
        return hidden.data.length > 0;
      } catch {
        return false; // consumed at the end of the backward pass
      }
    };
    const group = {
      rank: 0,
      size: 2,
      [backgroundSums](values: Float32Array) {
        events.push(`start ${values.length} ${isRunning() ? 'during' : 'after'}`);
        return () => {
          events.push(`collect ${values.length}`);
          for (let i = 0; i < values.length; i++) values[i] *= 2;
        };
      },
    };
    const gradients = new GradientSum(group as unknown as Group).run(model, loss, undefined, false);
    const parameters = model
      .parameters()
      .map(([, parameter]) => parameter.shape.reduce<number>((n, d) => n * d, 1));
    const all = parameters.reduce((a, b) => a + b);
    const [first, second] = [2 ** 20, all - 2 ** 20];
    expect(events).to.deep.equal([
      `start ${first} during`,
      `start ${second} during`,
      `collect ${first}`,
      `collect ${second}`,
    ]);
    expect(gradients.get(model.layers[6].bias)?.data[0]).to.not.equal(0);
  });

  /** A group whose sums do nothing but note the values. */
  const noting = (started: Float32Array[]) =>
    ({
      rank: 0,
      size: 2,
      [backgroundSums](values: Float32Array) {
        started.push(values.slice());
        return () => undefined;
      },
    }) as unknown as Group;

  it('wait for every use of a shared layer', () => {
    const shared = new Linear(1100, 1100, { rng: seeded(1) });
    const model = new Sequential(shared, new ReLU(), shared);
    const loss = () => model.forwardMut(Tensor.ones([1, 1100]).trace()).mean();
    const started: Float32Array[] = [];
    const gradients = new GradientSum(noting(started)).run(model, loss(), undefined, false);
    const expected = backward(loss());
    const sent = started.flatMap((values) => [...values]);
    const all = [expected.get(shared.bias), expected.get(shared.weight)].flatMap((each) => [
      ...(each?.data ?? []),
    ]);
    expect(sent).to.deep.equal(all);
    gradients.dispose();
  });

  it('have the same number of buckets whatever is frozen', () => {
    const lengths = [false, true].map((freezes) => {
      const model = makeWideNetwork(1);
      if (freezes) model.freeze('4.');
      const started: Float32Array[] = [];
      const loss = model.forwardMut(Tensor.ones([1, 20]).trace()).mean();
      new GradientSum(noting(started)).run(model, loss, undefined, false).dispose();
      return started.map(({ length }) => length);
    });
    const frozen = 700 * 900 + 900;
    expect(lengths[1]).to.deep.equal([lengths[0][0] - frozen, lengths[0][1]]);
  });
});
