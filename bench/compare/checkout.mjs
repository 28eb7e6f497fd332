import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { capture, runQuietly } from '../../tools/process.mjs';

/**
 * Checks a commit out into a temporary worktree and builds its addon and its TypeScript, with the packages of this
 * checkout. Its benchmarks are replaced by ours, so that both commits run the same ones. The worktree is removed when this
 * process ends.
 *
 * @returns The short name of the commit, and the folder.
 */
export function checkOut(commit) {
  const name = capture('git', ['rev-parse', '--short', `${commit}^{commit}`]).trim();
  const folder = mkdtempSync(join(tmpdir(), `batchnorm-${name}-`));
  process.once('exit', () => {
    spawnSync('git', ['worktree', 'remove', '--force', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  runQuietly('git', ['worktree', 'add', '--detach', '--force', folder, name]);
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  for (const args of [['tools/build/addon.mjs'], ['node_modules/typescript/bin/tsc', '--build', 'lib']]) {
    runQuietly(process.execPath, args, { cwd: folder });
  }
  rmSync(join(folder, 'bench'), { recursive: true, force: true });
  cpSync('bench', join(folder, 'bench'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  return { commit: name, folder };
}
