import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { emulated, node } from '../../support/node-process.js';
import type { Outcome } from './limited/print.js';

const program = fileURLToPath(new URL('./limited/print.js', import.meta.url));

/** What the program printed, which must have ended well. */
function outcomes(limit: string, nodeArgs: readonly string[], ...args: string[]): Outcome[] {
  const { status, signal, stdout, stderr } = spawnSync(
    '/bin/sh',
    ['-c', `${limit} exec "$@"`, 'sh', node.file, ...node.args(...nodeArgs, program, ...args)],
    { encoding: 'utf8' },
  );
  expect({ status, signal }, stderr).to.deep.equal({ status: 0, signal: null });
  const lines = stdout.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Outcome);
}

function check(found: readonly Outcome[]): void {
  expect(found).to.have.length(6);
  for (const { name, error } of found) {
    if (name.startsWith('JSON')) {
      expect(error, name).to.match(/^RangeError: Out of memory for JSON of \d+ values/);
    } else {
      expect(error, name).to.equal('none');
    }
  }
}

describe('printing and JSON where memory is nearly exhausted', function () {
  this.timeout(300_000);

  beforeEach(function () {
    if (process.platform !== 'linux' || emulated) this.skip();
  });

  it('end with a RangeError or a result, never with the process (ulimit -v)', function () {
    // Without the addon nobody can tell how much there is.
    if (backend.name !== 'native') this.skip();
    check(outcomes('ulimit -v 1400000;', [], 'fill'));
  });

  it('end so in a small heap, too', () => {
    check(outcomes('', ['--max-old-space-size=120']));
  });
});
