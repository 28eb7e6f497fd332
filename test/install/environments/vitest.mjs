import assert from 'node:assert/strict';
import { esm } from './support/programs.mjs';

export const packages = ['vitest@latest'];
export const node = 24;

const state = `import * as imported from 'batchnorm';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
test('import and require share one instance', () => {
  const required = createRequire(import.meta.url)('batchnorm');
  expect(required.backend).toBe(imported.backend);
  expect(required.storagePool).toBe(imported.storagePool);
  expect(required.Tensor.zeros([1])).toBeInstanceOf(imported.Tensor);
});`;

/** Two files in one pool; vmThreads and vmForks give each its own context. */
function testIn(pool) {
  return (project) => {
    project.manifest({ type: 'module' });
    for (const name of ['first', 'second']) {
      project.write(
        `${name}.test.js`,
        `import { test } from 'vitest';
${esm}
test('trains, saves and loads', exercise);`,
      );
    }
    project.write('state.test.js', state);
    const output = project.tool('vitest', ['run', `--pool=${pool}`]);
    assert.match(output, /Test Files +3 passed \(3\)/, output);
    assert.match(output, /Tests +3 passed \(3\)/, output);
  };
}

export const cases = Object.fromEntries(
  ['threads', 'forks', 'vmThreads', 'vmForks'].map((pool) => [pool, testIn(pool)]),
);
