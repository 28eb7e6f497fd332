import { readdirSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { BatchNorm2D, loadSafetensors, readIdx, saveSafetensors } from 'batchnorm';
import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

/** The open files of this process; available only on Linux. */
const openFiles = () => readdirSync('/proc/self/fd').length;

describe('files are closed, even after a failure:', function () {
  const path = temporaryDirectory();
  const bn = new BatchNorm2D(2);
  const other = new BatchNorm2D(3);
  const fails = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.fail('it did not fail'),
      () => undefined,
    );

  const actions: Readonly<Record<string, () => Promise<unknown>>> = {
    save: () => bn.save(path('bn.npz')),
    load: () => bn.load(path('bn.npz')),
    'load of a file that does not fit': () => fails(other.load(path('bn.npz'))),
    'load of a file that is not an archive': () => fails(bn.load(path('bad'))),
    saveSafetensors: () => saveSafetensors(path('bn.safetensors'), bn),
    loadSafetensors: () => loadSafetensors(path('bn.safetensors'), bn),
    'loadSafetensors of a file that does not fit': () =>
      fails(loadSafetensors(path('bn.safetensors'), other)),
    'loadSafetensors of a file in another format': () => fails(loadSafetensors(path('bad'), bn)),
    readIdx: () => readIdx(path('idx')),
    'readIdx of a file in another format': () => fails(readIdx(path('bad'))),
  };

  before(async () => {
    writeFileSync(path('bad'), 'neither an archive nor a tensor');
    writeFileSync(path('idx'), Buffer.from([0, 0, 8, 1, 0, 0, 0, 2, 5, 6]));
    await bn.save(path('bn.npz'));
    await saveSafetensors(path('bn.safetensors'), bn);
  });

  if (process.platform !== 'linux') return;
  for (const [name, act] of Object.entries(actions)) {
    it(name, async () => {
      await act(); // modules that are imported on demand
      const before = openFiles();
      for (let i = 0; i < 5; i++) await act();
      // The system calls that close files run on other threads.
      for (let wait = 0; wait < 500 && openFiles() > before; wait++) await setTimeout(10);
      expect(openFiles()).to.be.at.most(before);
    });
  }
});
