import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { canLimit, type LimitedProcess, runLimited } from '../../support/limited-memory.js';
import { node } from '../../support/node-process.js';
import type { Outcome } from './limited/print.js';

const program = fileURLToPath(new URL('./limited/print.js', import.meta.url));

/** The outcomes that the program printed; it must exit with 0. */
function outcomes({ status, signal, stdout, stderr }: LimitedProcess): Outcome[] {
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

describe('printing and JSON in nearly exhausted memory', function () {
  this.timeout(300_000);

  beforeEach(function () {
    if (!canLimit) this.skip();
  });

  it('succeed or throw a RangeError, and never end the process (ulimit -v)', () => {
    check(outcomes(runLimited(650, program, 'fill')));
  });

  it('succeed or throw a RangeError in a small heap too', () => {
    // With this flag the whole heap may take 112 MB on Node 20 and 256 MB on Node 24; the JSON would take 272 MB.
    const args = node.args('--max-old-space-size=64', program);
    check(outcomes(spawnSync(node.file, args, { encoding: 'utf8' })));
  });
});
