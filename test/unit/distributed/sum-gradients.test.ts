import { crossEntropyWithLogitsLoss, Tensor } from 'batchnorm';
import type { Group } from 'batchnorm/distributed';
import { backgroundSums } from '#lib/distributed/background-sums';
import { GradientSum } from '#lib/distributed/sum-gradients';
import { expect } from 'chai';
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
});
