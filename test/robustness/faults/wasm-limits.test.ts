import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { backend } from 'batchnorm';
import { expect } from 'chai';
import { node } from '../../support/node-process.js';

const program = fileURLToPath(new URL('./wasm-limits/program.js', import.meta.url));

/** Runs the program with these options of Node and parses its output. */
function outcomeOf(part: string, threads: number, ...options: readonly string[]): unknown {
  const output = execFileSync(node.file, node.args(...options, program, part), {
    encoding: 'utf8',
    env: { ...process.env, BATCHNORM_BACKEND: 'wasm', BATCHNORM_NUM_THREADS: String(threads) },
  });
  return JSON.parse(output);
}

describe('a process on the WebAssembly backend', function () {
  this.timeout(120_000);

  before(function () {
    // The programs need an option of V8 and run in a runtime of the same kind.
    if (backend.name !== 'wasm' || 'bun' in process.versions || 'deno' in process.versions) this.skip();
  });

  // Only memory that is not shared between threads makes views of it empty.
  for (const threads of [1, 2]) {
    const on = `on ${threads} ${threads === 1 ? 'thread' : 'threads'}`;

    it(`throws a RangeError where its memory may not grow, changes nothing, and keeps computing, ${on}`, () => {
      const outOfMemory = { name: 'RangeError', code: 'ERR_BATCHNORM_OUT_OF_MEMORY' };
      expect(outcomeOf('exhausted', threads, '--wasm-max-mem-pages=1024')).to.deep.equal({
        ...{ sum: outOfMemory, inPlace: outOfMemory },
        ...{ unchanged: true, small: 'same bits', afterwards: 7 },
      });
    });

    it(`gives up every tensor in its memory after a trap, and writes no file from it, ${on}`, () => {
      const lost = { name: 'Error', code: 'ERR_BATCHNORM_BACKEND' };
      expect(outcomeOf('trap', threads)).to.deep.equal({
        ...{ trap: lost, operation: lost, forward: lost, training: lost, update: lost, plan: lost },
        ...{ data: lost, array: lost, clone: lost, text: lost, json: lost, fresh: lost, save: lost },
        ...{ file: 'unchanged', adopted: [1, 2, 3] },
      });
    });
  }
});
