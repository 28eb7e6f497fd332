import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { BatchNorm2D, saveCheckpoint, saveSafetensors } from 'batchnorm';
import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

const saves: Readonly<Record<string, (path: string) => Promise<void>>> = {
  save: (path) => new BatchNorm2D(2).save(path),
  saveSafetensors: (path) => saveSafetensors(path, new BatchNorm2D(2)),
  saveCheckpoint: (path) => saveCheckpoint(path, { model: new BatchNorm2D(2) }),
};

type Failure = Error & { readonly code?: string; readonly path?: string };

async function failureOf(saved: Promise<void>): Promise<Failure> {
  const error: unknown = await saved.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(Error);
  return error as Failure;
}

/** Creates a special file; skips the test if this user lacks the permission. */
function makeSpecial(test: Mocha.Context, command: string, ...args: readonly string[]): void {
  if (spawnSync(command, args).status !== 0) test.skip();
}

for (const [name, save] of Object.entries(saves)) {
  describe(`the target of ${name}`, () => {
    const path = temporaryDirectory();
    let folder = '';

    beforeEach(function () {
      if (process.platform === 'win32') this.skip();
      folder = path(String(readdirSync(path()).length));
      mkdirSync(folder);
    });

    async function expectRefused(file: string, found: string): Promise<void> {
      const before = readdirSync(folder);
      const { code, message } = await failureOf(save(file));
      expect(code).to.equal('ERR_BATCHNORM_VALUE');
      expect(message).to.equal(
        `Expected a regular file or a new one for path but received ${found}, ${JSON.stringify(file)}`,
      );
      expect(readdirSync(folder)).to.deep.equal(before);
    }

    it('may not be a pipe or a link to one', async function () {
      makeSpecial(this, 'mkfifo', `${folder}/pipe`);
      symlinkSync('pipe', `${folder}/link`);
      for (const file of [`${folder}/pipe`, `${folder}/link`])
        await expectRefused(file, 'a pipe or a socket');
      expect(lstatSync(`${folder}/pipe`).isFIFO()).to.equal(true);
    });

    it('may not be a device', async function () {
      makeSpecial(this, 'mknod', `${folder}/null`, 'c', '1', '3');
      await expectRefused(`${folder}/null`, 'a device');
      expect(lstatSync(`${folder}/null`).isCharacterDevice()).to.equal(true);
    });

    it('may not be a directory', () => expectRefused(folder, 'a directory'));

    it('is the file that a link points to, even if that does not exist yet', async () => {
      mkdirSync(`${folder}/real/inner`, { recursive: true });
      mkdirSync(`${folder}/other`);
      // "short/.." is real, not the folder of the link.
      symlinkSync('../real/inner', `${folder}/other/short`);
      symlinkSync('short/../net', `${folder}/other/second`);
      symlinkSync('other/second', `${folder}/first`);
      await save(`${folder}/first`);
      expect(readlinkSync(`${folder}/first`)).to.equal('other/second');
      expect(readlinkSync(`${folder}/other/second`)).to.equal('short/../net');
      expect(lstatSync(`${folder}/real/net`).isFile()).to.equal(true);
      expect(readdirSync(`${folder}/real`).sort()).to.deep.equal(['inner', 'net']);
    });

    it('may not be a link to itself', async () => {
      symlinkSync('loop', `${folder}/loop`);
      expect((await failureOf(save(`${folder}/loop`))).code).to.equal('ELOOP');
      expect(readlinkSync(`${folder}/loop`)).to.equal('loop');
    });

    it('may have a name of the maximum length', async () => {
      const file = `${folder}/${'x'.repeat(255)}`;
      await save(file);
      await save(file);
      expect(readdirSync(folder)).to.deep.equal(['x'.repeat(255)]);
    });

    it('is named by errors of the operating system', async () => {
      writeFileSync(`${folder}/file`, '');
      const wrong = [
        ['missing/net.npz', 'ENOENT'],
        ['file/net.npz', 'ENOTDIR'],
        ['y'.repeat(256), 'ENAMETOOLONG'],
      ] as const;
      for (const [end, code] of wrong) {
        const file = `${folder}/${end}`;
        const failure = await failureOf(save(file));
        expect(failure).to.include({ code, path: file });
        expect(failure.message).to.include(`'${file}'`);
        for (const text of [failure.message, failure.stack]) expect(text).to.not.include('.tmp');
      }
    });

    it('keeps its permissions under any umask', async () => {
      for (const mode of [0o666, 0o777, 0o600, 0o444]) {
        const file = `${folder}/${mode.toString(8)}`;
        writeFileSync(file, 'old');
        chmodSync(file, mode);
        const umask = process.umask(0o077);
        try {
          await save(file);
        } finally {
          process.umask(umask);
        }
        expect((lstatSync(file).mode & 0o777).toString(8)).to.equal(mode.toString(8));
      }
    });
  });
}
