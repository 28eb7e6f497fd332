import fs, { realpathSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname } from 'node:path';
import { BatchNorm2D, saveCheckpoint, saveSafetensors } from 'batchnorm';
import { expect } from 'chai';
import type { Untyped } from '../../../support/errors.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

const saves: Readonly<Record<string, (path: string) => Promise<void>>> = {
  save: (path) => new BatchNorm2D(2).save(path),
  saveSafetensors: (path) => saveSafetensors(path, new BatchNorm2D(2)),
  saveCheckpoint: (path) => saveCheckpoint(path, { model: new BatchNorm2D(2) }),
};

/** The file operations of `act` in order: `write PATH`, `sync PATH` and `rename FROM TO`. */
async function record(act: () => Promise<void>): Promise<string[]> {
  const events: string[] = [];
  const paths = new WeakMap<object, string>();
  const probe = await open('.', 'r');
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const handleMethods = ['writeFile', 'write', 'sync'] as const;
  const originals = handleMethods.map((name) => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    return [name, descriptor?.value as Untyped] as const;
  });
  const promises = { ...fs.promises };
  for (const [name, original] of originals) {
    Object.defineProperty(prototype, name, {
      ...{ configurable: true, writable: true },
      value(this: FileHandle, ...given: unknown[]) {
        events.push(`${name} ${paths.get(this) ?? 'unknown'}`);
        return Reflect.apply(original, this, given);
      },
    });
  }
  Object.assign(fs.promises, {
    async open(...given: Parameters<typeof open>) {
      const handle = await promises.open(...given);
      paths.set(handle, String(given[0]));
      return handle;
    },
    async rename(from: string, to: string) {
      events.push(`rename ${from} ${to}`);
      await promises.rename(from, to);
    },
  });
  syncBuiltinESMExports();
  try {
    await act();
  } finally {
    for (const [name, value] of originals) {
      Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
    }
    Object.assign(fs.promises, promises);
    syncBuiltinESMExports();
  }
  return events;
}

describe('a saved file is on the disk:', () => {
  const path = temporaryDirectory();

  for (const [name, save] of Object.entries(saves)) {
    it(`${name} syncs the new file, renames it, and syncs the folder`, async () => {
      const target = path(name);
      const events = await record(() => save(target));
      const folder = realpathSync(dirname(target));
      const renames = events.filter((event) => event.startsWith('rename '));
      expect(renames).to.have.length(1);
      const [, temporary, to] = renames[0].split(' ');
      expect(realpathSync(dirname(to))).to.equal(folder);
      expect(basename(to)).to.equal(name);
      const at = (event: string) => events.indexOf(event);
      const written = Math.max(
        ...['write', 'writeFile'].map((how) => events.lastIndexOf(`${how} ${temporary}`)),
      );
      expect(written, 'a write').to.be.at.least(0);
      expect(at(`sync ${temporary}`), 'the file is synced after its last write').to.be.above(written);
      expect(at(renames[0]), 'renamed after that').to.be.above(at(`sync ${temporary}`));
      expect(at(`sync ${dirname(to)}`), 'the folder is synced after that').to.be.above(at(renames[0]));
    });
  }
});
