import { readdirSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BatchNorm2D, saveSafetensors } from 'batchnorm';
import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

type Sync = (this: FileHandle) => Promise<void>;

/** Replacements of the runtime's sync(), for files and for directories. */
interface Replacement {
  file?: Sync;
  directory?: Sync;
}

const notImplemented = new Error('Method not implemented.');

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: fsync`), { code });
}

const formats = {
  'bn.npz': (bn: BatchNorm2D<3>, path: string) => bn.save(path),
  'bn.safetensors': (bn: BatchNorm2D<3>, path: string) => saveSafetensors(path, bn),
};

for (const [name, save] of Object.entries(formats)) {
  describe(`saving ${name}`, () => {
    const path = temporaryDirectory();
    let prototype: { sync?: unknown };
    let sync: Sync;
    let synced: string[];

    before(async () => {
      const handle = await open(path('any'), 'w');
      prototype = Object.getPrototypeOf(handle) as { sync?: unknown };
      sync = prototype.sync as Sync;
      await handle.close();
    });

    beforeEach(() => {
      synced = [];
    });

    afterEach(() => {
      prototype.sync = sync;
    });

    function replaceSync({ file = sync, directory = sync }: Replacement): void {
      prototype.sync = async function (this: FileHandle) {
        const isDirectory = (await this.stat()).isDirectory();
        synced.push(isDirectory ? 'directory' : 'file');
        await (isDirectory ? directory : file).call(this);
      };
    }

    async function saved(): Promise<void> {
      const bn = new BatchNorm2D(3);
      bn.scale.data.set([1, 2, 3]);
      await save(bn, path(name));
      if (name === 'bn.npz') {
        const loaded = new BatchNorm2D(3);
        await loaded.load(path(name));
        expect(loaded.scale.array()).to.deep.equal([1, 2, 3]);
      }
      expect(readdirSync(path()).sort()).to.deep.equal(['any', name]);
    }

    it('flushes the file, then its directory', async () => {
      replaceSync({});
      await saved();
      expect(synced).to.deep.equal(['file', 'directory']);
    });

    it('succeeds if file handles have no sync()', async () => {
      delete prototype.sync;
      await saved();
    });

    it('succeeds if sync() is not implemented, as under Yarn PnP', async () => {
      prototype.sync = () => {
        throw notImplemented;
      };
      await saved();
    });

    for (const code of [
      ...['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'],
      ...['ERR_METHOD_NOT_IMPLEMENTED', 'ERR_NOT_IMPLEMENTED'],
    ]) {
      it(`succeeds if sync() rejects with ${code}`, async () => {
        prototype.sync = () => Promise.reject(failure(code));
        await saved();
      });
    }

    it('succeeds if only the directory cannot be flushed, as on Windows', async () => {
      replaceSync({ directory: () => Promise.reject(failure('EPERM')) });
      await saved();
      expect(synced).to.deep.equal(['file', 'directory']);
    });

    for (const code of ['EIO', 'ENOSPC', 'EDQUOT', 'EPERM']) {
      it(`fails if syncing the file rejects with ${code}, and keeps the previous file`, async () => {
        await saved();
        const old = readFileSync(path(name));
        const error = failure(code);
        replaceSync({ file: () => Promise.reject(error) });
        const thrown: unknown = await saved().catch((e: unknown) => e);
        expect(thrown).to.equal(error);
        expect(readFileSync(path(name)).equals(old)).to.equal(true);
        expect(readdirSync(path()).sort()).to.deep.equal(['any', name]);
      });
    }

    it('fails if syncing the directory reports an I/O error', async () => {
      const error = failure('EIO');
      replaceSync({ directory: () => Promise.reject(error) });
      const thrown: unknown = await saved().catch((e: unknown) => e);
      expect(thrown).to.equal(error);
    });
  });
}
