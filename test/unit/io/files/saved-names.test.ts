import { existsSync, readFileSync } from 'node:fs';
import {
  BatchNorm2D,
  loadCheckpoint,
  loadSafetensors,
  NpzWriter,
  saveCheckpoint,
  saveSafetensors,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../../support/errors.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

/** Names that a file would store differently, and the problem with each. */
const lost: readonly (readonly [name: string, expected: string])[] = [
  ['a\\b', 'without backslashes'],
  ['a\0b', 'without backslashes and NUL'],
  ['\ud800', 'whole Unicode characters'],
  ['a\udc00b', 'whole Unicode characters'],
  ['x'.repeat(70_000), 'at most 65535 bytes'],
  ['é'.repeat(33_000), 'at most 65535 bytes'],
  ['a/../b', '".."'],
];

/** Unusual names that are stored unchanged. */
const kept = [
  ...['a', '', 'a.b', 'a b', 'a\nb', 'é', 'e\u0301', '😀', '\ufeff', 'a//b', '..a', 'con'],
  ...['__proto__', 'constructor', 'toString', 'checkpoint.', '__metadata__x', '"', 'x'.repeat(60_000)],
];

const withProgress = (name: string, value: number) => {
  const progress = Object.create(null) as Record<string, number>;
  progress[name] = value;
  return { model: new BatchNorm2D(1), progress };
};

/** A module with one tensor of this name. */
const withTensor = (name: string, tensor = Tensor.ones([2])) => ({
  parameters: () => [[name, tensor] as const],
});

describe('a name that a file would store differently', () => {
  const path = temporaryDirectory();

  it('is refused by saveCheckpoint(), which keeps the previous file', async () => {
    const file = path('checkpoint.npz');
    await saveCheckpoint(file, withProgress('epoch', 1));
    const old = readFileSync(file);
    for (const [name, expected] of lost) {
      const saved = saveCheckpoint(file, withProgress(name, 1));
      await expectRejection(saved, RangeError, 'Expected a name', expected, 'for name');
      const failure: unknown = await saved.catch((error: unknown) => error);
      expect(failure).to.include({ code: 'ERR_BATCHNORM_VALUE' });
      expect((failure as Error).message.length).to.be.below(400);
    }
    const pair = { '\ud800': 1, '\ud801': 2 };
    await expectRejection(saveCheckpoint(file, { model: new BatchNorm2D(1), progress: pair }), RangeError);
    expect(readFileSync(file).equals(old)).to.equal(true);
  });

  it('is refused by every method of NpzWriter', () => {
    const wrong = [...lost.map(([name]) => name), '', '/a', 'C:a', 'a/', '../a', 'a/..'];
    for (const name of wrong) {
      const zip = new NpzWriter();
      for (const add of [
        () => zip.tensor(name, Tensor.ones([1])),
        () => zip.number(name, 1),
        () => zip.numbers(name, [1]),
      ]) {
        expectError(add, RangeError, 'for name but received "');
      }
    }
  });

  it('is refused as a prefix', () => {
    for (const [prefix] of lost) {
      expectError(
        () => new BatchNorm2D(1).write(new NpzWriter(), prefix),
        RangeError,
        'for prefix but received',
      );
    }
    new BatchNorm2D(1).write(new NpzWriter(), 'folder/');
  });

  it('is refused by saveSafetensors()', async () => {
    const file = path('names.safetensors');
    for (const name of ['__metadata__', '\ud800', 'a\udc00b']) {
      await expectRejection(saveSafetensors(file, withTensor(name)), RangeError, 'for module', 'names of');
    }
    expect(existsSync(file)).to.equal(false);
  });

  it('excludes unusual names, whose values are saved and loaded unchanged', async () => {
    for (const [i, name] of kept.entries()) {
      await saveCheckpoint(path('kept.npz'), withProgress(name, i));
      const training = withProgress(name, -1);
      await loadCheckpoint(path('kept.npz'), training);
      expect(training.progress[name], JSON.stringify(name)).to.equal(i);

      await saveSafetensors(path('kept.safetensors'), withTensor(name, Tensor.from([i, i], [2])));
      const tensor = Tensor.zeros([2]);
      await loadSafetensors(path('kept.safetensors'), withTensor(name, tensor));
      expect(tensor.array(), JSON.stringify(name)).to.deep.equal([i, i]);
    }
  });
});

describe('a file that is too large for its readers', () => {
  const path = temporaryDirectory();

  it('is not saved if an archive would have more than 100,000 entries, which loading refuses', () => {
    const zip = new NpzWriter();
    for (let i = 0; i < 100_000; i++) zip.numbers(`${i}.npy`, []);
    expectError(() => zip.number('one more.npy', 1), RangeError, 'at most 100000 entries', '"one more.npy"');
  });

  it('is not saved if a safetensors header would exceed 4 MiB', async () => {
    const module = (length: number) => withTensor('x'.repeat(length));
    const limit = 4 * 1024 * 1024;
    await saveSafetensors(path('largest.safetensors'), module(limit - 200));
    await loadSafetensors(path('largest.safetensors'), module(limit - 200));
    const file = path('larger.safetensors');
    await expectRejection(saveSafetensors(file, module(limit)), RangeError, 'names and shapes of at most');
    expect(existsSync(file)).to.equal(false);
  });
});
