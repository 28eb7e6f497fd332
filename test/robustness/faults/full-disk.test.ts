import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { BatchNorm2D, saveSafetensors } from 'batchnorm';
import { expect } from 'chai';
import { emulated, node } from '../../support/node-process.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** Saves a layer with the given number of channels and prints the error code. */
const program = (channels: number, save: string) => `
  import { BatchNorm2D, saveSafetensors } from 'batchnorm';
  const bn = new BatchNorm2D(${channels});
  bn.scale.data.fill(2);
  try { ${save}; console.log('saved'); } catch (error) { console.log(error.code); }`;

const ways = {
  'bn.npz': (path: string) => `await bn.save(${path})`,
  'bn.safetensors': (path: string) => `await saveSafetensors(${path}, bn)`,
};

describe('saving without disk space', () => {
  const path = temporaryDirectory();

  before(function () {
    if (process.platform !== 'linux' || emulated) this.skip();
  });

  /** Runs the program after the commands `shell`, and expects the error `code`. */
  function expectRefused(shell: string, folder: string, code: string): void {
    for (const [name, save] of Object.entries(ways)) {
      const before = readFileSync(`${folder}/${name}`);
      const run = (channels: number) => {
        const text = program(channels, save(JSON.stringify(`${folder}/${name}`)));
        const args = ['-c', `${shell}exec "$@"`, 'sh', node.file];
        const { stdout, stderr } = spawnSync(
          'sh',
          [...args, ...node.args('--input-type=module', '-e', text)],
          { encoding: 'utf8' },
        );
        expect(stderr).to.equal('');
        return stdout.trim();
      };
      expect(run(100_000)).to.equal(code);
      expect(readFileSync(`${folder}/${name}`).equals(before), `the old ${name}`).to.equal(true);
      expect(readdirSync(folder).sort()).to.deep.equal(Object.keys(ways));
      expect(run(10), 'a small one').to.equal('saved');
    }
  }

  async function saveOld(folder: string): Promise<void> {
    const bn = new BatchNorm2D(100);
    await bn.save(`${folder}/bn.npz`);
    await saveSafetensors(`${folder}/bn.safetensors`, bn);
  }

  it('fails and keeps the old file at the limit of file size', async () => {
    mkdirSync(path('limited'));
    await saveOld(path('limited'));
    // Blocks of 512 or 1024 bytes. Without the trap the signal would end the process.
    expectRefused("trap '' XFSZ; ulimit -f 100; ", path('limited'), 'EFBIG');
  });

  it('fails and keeps the old file on a full disk', async function () {
    const folder = path('small');
    mkdirSync(folder);
    // Only root may mount, and not in every container.
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', folder]);
    if (mount.status !== 0) this.skip();
    try {
      await saveOld(folder);
      expectRefused('', folder, 'ENOSPC');
    } finally {
      spawnSync('umount', [folder]);
    }
  });
});
