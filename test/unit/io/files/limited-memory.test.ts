import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { canLimit, runLimited } from '../../../support/limited-memory.js';
import { node } from '../../../support/node-process.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { deflate } from './limited/deflate.js';
import type { Attempt } from './limited/exhaust.js';

const program = fileURLToPath(new URL('limited/exhaust.js', import.meta.url));
const operations = [
  'save .npz',
  'save safetensors',
  'save a checkpoint',
  'load .npz',
  'load deflated .npz',
  'load safetensors',
  'load a checkpoint',
  'read IDX',
  'read gzipped IDX',
];
const long = process.env.BATCHNORM_TEST_LONG === '1';

/** Megabytes left before each attempt: none, and about as many as it needs. */
const amounts = long ? [0, 8, 16, 24, 32, 36, 40, 48, 56, 64, 72, 80, 96, 112] : [0, 36];

describe('files of 30 MB in a process whose memory is limited (ulimit -v)', function () {
  this.timeout(600_000);
  const path = temporaryDirectory();

  before(function () {
    if (!canLimit) this.skip();
    const { status, stderr } = spawnSync(node.file, node.args(program, path(), 'prepare'), {
      encoding: 'utf8',
    });
    expect(status, stderr).to.equal(0);
    writeFileSync(path('deflated.npz'), deflate(readFileSync(path('stored.npz'))));
  });

  for (const operation of operations) {
    it(`${operation}: succeeds, or throws a RangeError and changes nothing`, () => {
      for (const amount of amounts) {
        const args = [program, path(), operation, String(amount)];
        const { status, signal, stdout, stderr } = runLimited(460, ...args);
        expect({ status, signal }, `${amount} MB left: ${stderr}`).to.deep.equal({
          status: 0,
          signal: null,
        });
        const { consistent, outcome, code, message, computes } = JSON.parse(stdout) as Attempt;
        expect({ consistent, computes }, stdout).to.deep.equal({
          consistent: true,
          computes: true,
        });
        if (outcome === 'refused') {
          expect(code, stdout).to.equal('RangeError ERR_BATCHNORM_OUT_OF_MEMORY');
          // The message names the purpose of the memory, not only its size.
          expect(message, stdout).to.match(/^Out of memory for (?!\d).+( \(\d+ bytes\))?$/);
        }
        // With no memory left except V8's reserve, no operation can allocate the 30 MB that it needs.
        if (amount === 0) expect(outcome, stdout).to.equal('refused');
      }
    });
  }
});
