import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { BatchNorm2D, FileFormatError, loadSafetensors, saveSafetensors } from 'batchnorm';
import { expect } from 'chai';
import { expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const channels = 5000;

/** A layer that knows which save it is of. */
function numbered(number: number): BatchNorm2D<number> {
  const bn = new BatchNorm2D(channels);
  for (const [, tensor] of bn.parameters()) tensor.data.fill(number);
  return bn;
}

/** The number that all values have. */
function numberOf(bn: BatchNorm2D<number>): number {
  const [number] = bn.scale.data;
  for (const [name, tensor] of bn.parameters()) {
    expect(
      tensor.data.every((value) => value === number),
      `${name} is of one save`,
    ).to.equal(true);
  }
  return number;
}

const formats = {
  npz: {
    save: (path: string, bn: BatchNorm2D<number>) => bn.save(path),
    load: (path: string, bn: BatchNorm2D<number>) => bn.load(path),
  },
  safetensors: {
    save: (path: string, bn: BatchNorm2D<number>) => saveSafetensors(path, bn),
    load: (path: string, bn: BatchNorm2D<number>) => loadSafetensors(path, bn),
  },
};

describe('a file that somebody else writes meanwhile', () => {
  const path = temporaryDirectory();

  for (const [format, { save, load }] of Object.entries(formats)) {
    it(`${format}: replaced by save() again and again, every load finds one whole save`, async () => {
      const file = path(`replaced.${format}`);
      await save(file, numbered(1));
      let saving = true;
      const saves = (async () => {
        for (let number = 2; number <= 25; number++) await save(file, numbered(number));
        saving = false;
      })();
      const seen = new Set<number>();
      const bn = new BatchNorm2D(channels);
      while (saving) {
        await load(file, bn);
        seen.add(numberOf(bn));
        await setImmediate();
      }
      await saves;
      expect(seen.size).to.be.above(1);
    });

    it(`${format}: written in place and not yet whole, an error, and nothing has changed`, async () => {
      const file = path(`growing.${format}`);
      await save(file, numbered(2));
      const bytes = readFileSync(file);
      const bn = numbered(1);
      for (const part of [0, 0.01, 0.3, 0.7, 0.99]) {
        writeFileSync(file, bytes.subarray(0, Math.floor(part * bytes.length)));
        await expectRejection(load(file, bn), FileFormatError, file);
        expect(numberOf(bn)).to.equal(1);
      }
      writeFileSync(file, bytes);
      await load(file, bn);
      expect(numberOf(bn)).to.equal(2);
    });

    it(`${format}: a pipe that nobody writes to is refused and not waited for`, async function () {
      const pipe = path(`pipe.${format}`);
      if (spawnSync('mkfifo', [pipe]).status !== 0) this.skip();
      await expectRejection(load(pipe, numbered(1)), FileFormatError, pipe);
    });
  }
});
