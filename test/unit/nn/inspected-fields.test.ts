import { inspect } from 'node:util';
import { BatchNorm2D, FrozenBatchNorm2D } from 'batchnorm';
import { expect } from 'chai';

// Like dfdx's Debug: every field of the struct appears with its own values.
describe('an inspected batch norm shows', () => {
  const bn = new BatchNorm2D(2, { epsilon: 0.125, momentum: 0.75 });
  const fields = { scale: 21, bias: 32, runningMean: 43, runningVar: 54 } as const;
  for (const [name, value] of Object.entries(fields)) bn[name as keyof typeof fields].data.fill(value);

  for (const [kind, layer] of [
    ['BatchNorm2D', bn],
    ['FrozenBatchNorm2D', FrozenBatchNorm2D.from(bn, { trainable: true })],
  ] as const) {
    for (const [name, value] of Object.entries(fields)) {
      it(`${name} of ${kind}, with its value`, () => {
        for (const text of [inspect(layer), String(layer)]) {
          const lines = text.split('\n').filter((line) => new RegExp(`\\b${name}\\b`).test(line));
          expect(lines, text).to.have.length(1);
          expect(lines[0]).to.match(new RegExp(`\\b${value}\\b`));
        }
      });
    }

    it(`the settings of ${kind}`, () => {
      const text = inspect(layer);
      expect(text).to.match(new RegExp(`^${kind}\\b`));
      expect(text).to.match(/\bepsilon: 0\.125\b/);
      expect(text).to.match(kind === 'BatchNorm2D' ? /\bmomentum: 0\.75\b/ : /\btrainable: true\b/);
    });
  }
});
