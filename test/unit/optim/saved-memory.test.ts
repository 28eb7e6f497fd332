import { Adam, backward, NpzReader, type ResumableOptimizer, RMSprop, saveNpz, Sgd } from 'batchnorm';
import { expect } from 'chai';
import { expectNear } from '../../support/expect-near.js';
import { Parameter } from '../../support/parameter.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const gradient = [3, 5];
const of = (value: (g: number) => number) => gradient.map(value);
const meanSquare = (g: number) => 0.9 + 0.1 * g ** 2;

/** The state of an optimizer after its first step with the gradient [3, 5], by entry name. */
const optimizers: readonly (readonly [Sgd | Adam | RMSprop, Readonly<Record<string, readonly number[]>>])[] =
  [
    [new Sgd({ momentum: 0.5 }), { 'sgd.velocity.w.npy': gradient }],
    [
      new Adam(),
      { 'adam.moment1.w.npy': of((g) => 0.1 * g), 'adam.moment2.w.npy': of((g) => 0.001 * g ** 2) },
    ],
    [
      new RMSprop({ momentum: 0.5, centered: true }),
      {
        'rmsprop.mean_square.w.npy': of(meanSquare),
        'rmsprop.mean_gradient.w.npy': of((g) => 0.1 * g),
        'rmsprop.velocity.w.npy': of((g) => g / Math.sqrt(meanSquare(g) - (0.1 * g) ** 2 + 1e-8)),
      },
    ],
  ];

describe('the entries of a saved optimizer have descriptive names:', () => {
  const path = temporaryDirectory();

  for (const [optimizer, expected] of optimizers) {
    const name = optimizer.constructor.name;
    it(name, async () => {
      const module = new Parameter();
      optimizer.update(module, backward(module.loss()));
      const resumable: ResumableOptimizer = optimizer;
      await saveNpz(path(name), { write: (zip) => resumable.write(zip, '', module) });
      const zip = await NpzReader.open(path(name));
      const names = zip.names.filter((each) => each.endsWith('.w.npy'));
      expect(names).to.have.members(Object.keys(expected));
      for (const [entry, values] of Object.entries(expected)) {
        expectNear(await zip.numbers(entry, 2), values, 1e-6, entry);
      }
      zip.close();
    });
  }
});
