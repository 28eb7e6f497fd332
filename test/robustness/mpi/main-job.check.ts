import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadTrained } from '../../../examples/digits/checkpoint.js';
import { node } from '../../support/node-process.js';
import { launch, launcherNames, programPath } from './launch.js';

const program = programPath('../../../examples/digits/main.js');

describe('npm start over MPI', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'batchnorm-digits-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const args = (name: string) => [
    ...['--images', '130', '--epochs', '1'],
    ...['--checkpoint', join(folder, `${name}.npz`), '--report', join(folder, `${name}.html`)],
  ];
  const weightsOf = async (name: string) =>
    (await loadTrained(join(folder, `${name}.npz`))).network
      .parameters()
      .map(([key, tensor]) => [key, [...tensor.data]] as const);

  it('trains the network of two workers, and writes everything once', async () => {
    execFileSync(node.file, node.args(program, ...args('workers'), '--workers', '2'));
    const expected = await weightsOf('workers');
    for (const launcher of launcherNames) {
      const { status, stdout, stderr } = await launch(launcher, 2, program, args(launcher), { limit: 120 });
      expect(status, stderr).to.equal(0);
      expect(stdout).to.match(/on each of 2 ranks/);
      expect(stdout.match(/Training with batch norm/g)).to.have.length(1);
      expect(stdout.match(/Test accuracy/g)).to.have.length(1);
      expect(await weightsOf(launcher), launcher).to.deep.equal(expected);
    }
  });
});
