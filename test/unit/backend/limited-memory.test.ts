import { fileURLToPath } from 'node:url';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { canLimit, runLimited } from '../../support/limited-memory.js';
import type { Refusal } from './limited/exhaust.js';

const program = fileURLToPath(new URL('./limited/exhaust.js', import.meta.url));

/** Numbers of values in a tensor. */
const sizes =
  process.env.BATCHNORM_TEST_LONG === '1' ? [4_194_304, 524_288, 16_384, 1024] : [524_288, 16_384];

/** The portable backend cannot reuse the address space of freed small arrays, so that allocations may stay refused. */
const testedSizes = backend.name === 'native' ? sizes : sizes.filter((size) => size > 16_384);

/** The output of a process that exhausts its memory and must exit with 0. */
function exhaust(megabytes: number, ...args: readonly string[]): Refusal[] {
  const { status, signal, stdout, stderr } = runLimited(megabytes, program, ...args);
  expect({ status, signal }, stderr).to.deep.equal({ status: 0, signal: null });
  const lines = stdout.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Refusal);
}

describe('a process whose memory is limited (ulimit -v)', function () {
  // Close to the limit V8 collects garbage repeatedly.
  this.timeout(300_000);

  beforeEach(function () {
    if (!canLimit) this.skip();
  });

  it('gets a RangeError for a failed allocation and keeps computing', () => {
    const refusals = exhaust(460, ...testedSizes.map(String));
    expect(refusals).to.have.length(8 * testedSizes.length);
    for (const { name, error, message, computes } of refusals) {
      expect({ error, computes }, name).to.deep.equal({ error: 'RangeError', computes: true });
      expect(message, name).to.include('Out of memory for a ');
    }
  });

  it('gets a RangeError for arrays, sample orders and JSON, where V8 would abort', () => {
    const refusals = exhaust(1240, 'objects');
    const names = [
      'randn',
      'the order of a DataLoader',
      'array() of 8 MB',
      'Tensor.from of nested arrays',
      'JSON of 2^20 channels',
      'String of 2^20 channels',
    ];
    expect(refusals.map(({ name }) => name)).to.deep.equal(names);
    for (const { name, error, message, computes } of refusals) {
      expect(computes, name).to.equal(true);
      // These need little or no memory.
      if (name.startsWith('String') || (name.startsWith('Tensor.from') && error === 'none')) continue;
      expect(error, `${name}: ${message}`).to.equal('RangeError');
      expect(message, name).to.include('Out of memory for ');
    }
  });

  it('gets a RangeError if a kernel cannot allocate its working space', function () {
    if (backend.name !== 'native') this.skip();
    const message = 'Out of memory for the working space of an operation';
    // A higher limit, since the operation has arrays of 64 MB.
    expect(exhaust(1240)).to.deep.equal([
      { name: 'working space', error: 'RangeError', message, computes: true },
    ]);
  });
});
