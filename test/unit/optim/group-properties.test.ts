import { Adam, backward, Linear, ReLU, RMSprop, Sequential, Sgd, Tensor, WeightAverage } from 'batchnorm';
import { expect } from 'chai';
import fc from 'fast-check';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { seeded } from '../../support/random.js';

const x = Tensor.randn([6, 3], { rng: seeded(2) });

function network(seed = 1) {
  const rng = seeded(seed);
  return new Sequential(new Linear(3, 4, { rng }), new ReLU(), new Linear(4, 2, { rng }));
}
type Network = ReturnType<typeof network>;

const names = network()
  .parameters()
  .map(([name]) => name);
const gradients = (net: Network) => backward(net.forwardMut(x.trace()).square().mean());
const bits = (net: Network) =>
  net.parameters().map(([name, { data }]) => [name, ...new Uint32Array(data.slice().buffer)]);

/** Each parameter in one of three sets; empty sets have no group. */
const partitions = fc.array(fc.nat(2), { minLength: names.length, maxLength: names.length });
const rates = fc.constantFrom(0, 0.001, 0.05);
const decays = fc.constantFrom(0, 0.1, { decoupled: 0.05 });

describe('parameter groups of random networks', () => {
  it('update each parameter as an optimizer with the options of its group', () => {
    const makers = {
      sgd: (lr: number, weightDecay: never, groups: object) => new Sgd({ lr, weightDecay, ...groups }),
      adam: (lr: number, weightDecay: never, groups: object) => new Adam({ lr, weightDecay, ...groups }),
      rmsprop: (lr: number, weightDecay: never, groups: object) =>
        new RMSprop({ lr, weightDecay, ...groups }),
    };
    const cases = fc.record({
      kind: fc.constantFrom('sgd', 'adam', 'rmsprop'),
      partition: partitions,
      rates: fc.tuple(rates, rates),
      decays: fc.tuple(decays, decays),
    });
    fc.assert(
      fc.property(cases, ({ kind, partition, rates: [first, second], decays: [one, two] }) => {
        const make = makers[kind];
        const members = (set: number) => names.filter((_, i) => partition[i] === set);
        const sets = [
          { members: members(1), lr: first, weightDecay: one },
          { members: members(2), lr: second, weightDecay: two },
        ].filter((set) => set.members.length > 0);
        const net = network();
        const groups = sets.map(({ members: own, ...options }) => ({
          match: (name: string) => own.includes(name),
          ...options,
        }));
        make(0.02, 0 as never, { groups }).update(net, gradients(net));

        // Every parameter as if the whole network had the options of its group.
        const expected = new Map(bits(net).map(([name]) => [name, undefined as unknown]));
        for (const set of [{ members: members(0), lr: 0.02, weightDecay: 0 }, ...sets]) {
          const whole = network();
          make(set.lr, set.weightDecay as never, {}).update(whole, gradients(whole));
          for (const each of bits(whole))
            if (set.members.includes(String(each[0]))) expected.set(each[0], each);
        }
        const found = new Map(bits(net).map((each) => [each[0], each]));
        for (const [name, value] of expected) {
          // A group's rate is stored relative to that of the optimizer, which may round it.
          const [actual, wanted] = [found.get(name), value] as (readonly (string | number)[])[];
          actual.forEach((bit, i) => {
            if (i > 0) expect(Math.abs(Number(bit) - Number(wanted[i])), String(name)).to.be.at.most(2);
          });
        }
      }),
      { numRuns: 100 },
    );
  });

  it('average weights as in double precision, from any decay and number of steps', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(undefined, 0, 0.5, 0.99),
        fc.integer({ min: 1, max: 8 }),
        (decay, steps) => {
          const net = network();
          const average = new WeightAverage(net, decay === undefined ? {} : { decay });
          const optimizer = new Sgd({ lr: 0.3 });
          let expected: number[][] | undefined;
          for (let step = 1; step <= steps; step++) {
            optimizer.update(net, gradients(net));
            average.update();
            const present = net.parameters().map(([, { data }]) => [...data]);
            const weight = decay === undefined ? 1 / step : 1 - decay;
            expected =
              expected === undefined
                ? present
                : expected.map((values, i) =>
                    values.map((value, j) => value + weight * (present[i][j] - value)),
                  );
          }
          const copy = average.copyTo(network(9));
          copy.parameters().forEach(([name, { data }], i) => {
            data.forEach((value, j) => {
              expect(value, name).to.be.closeTo(expected?.[i][j] ?? NaN, 1e-6);
            });
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  const path = temporaryDirectory();

  it('load weights under any names that differ, and none under names that meet', async () => {
    const source = network(3);
    await source.saveSafetensors(path('source.safetensors'));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.stringMatching(/^[a-z0-9._]{1,8}$/), { minLength: 4, maxLength: 4 }),
        fc.nat(3),
        fc.nat(3),
        async (others, i, j) => {
          // From the saved names to the others and back.
          const away = new Map(names.map((name, at) => [name, others[at]]));
          const back = new Map(names.map((name, at) => [others[at], name]));
          const net = network(7);
          await net.loadSafetensors(path('source.safetensors'), {
            rename: (name) => back.get(away.get(name) ?? '') ?? name,
          });
          expect(bits(net)).to.deep.equal(bits(source));
          if (i === j) return;
          const before = bits(network(8));
          const target = network(8);
          const meeting = (name: string) => (name === names[i] ? names[j] : name);
          const error: unknown = await target
            .loadSafetensors(path('source.safetensors'), { rename: meeting })
            .then(() => undefined)
            .catch((reason: unknown) => reason);
          expect(error).to.be.instanceOf(Error);
          expect((error as Error).message).to.include(names[j]);
          expect(bits(target)).to.deep.equal(before);
        },
      ),
      { numRuns: 20 },
    );
  });
});
