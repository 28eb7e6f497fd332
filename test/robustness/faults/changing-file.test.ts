import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { BatchNorm2D, FileFormatError, loadSafetensors, saveSafetensors } from 'batchnorm';
import { expect } from 'chai';
import { expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const channels = 5000;

/** A layer that identifies its save. */
function numbered(number: number): BatchNorm2D<number> {
  const bn = new BatchNorm2D(channels);
  for (const [, tensor] of bn.parameters()) tensor.data.fill(number);
  return bn;
}

/** The number that all values equal. */
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

describe('a file that another process writes during a load', () => {
  const path = temporaryDirectory();

  for (const [format, { save, load }] of Object.entries(formats)) {
    it(`${format}: is loaded as one complete save while save() replaces it repeatedly`, async () => {
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

    it(`${format}: is refused without changes while it is incomplete`, async () => {
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

    it(`${format}: is refused without waiting if it is a pipe without a writer`, async function () {
      const pipe = path(`pipe.${format}`);
      if (spawnSync('mkfifo', [pipe]).status !== 0) this.skip();
      await expectRejection(load(pipe, numbered(1)), FileFormatError, pipe);
    });
  }
});
