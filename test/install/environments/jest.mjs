import assert from 'node:assert/strict';
import { commonJs, esm } from './support/programs.mjs';

export const packages = ['jest@latest'];

/** Two files in one process, each with its own context and modules. */
function writeTests(project, extension, program) {
  for (const name of ['first', 'second']) {
    project.write(
      `${name}.test.${extension}`,
      `${program}
test('trains, saves and loads', exercise);`,
    );
  }
}

function expectPassed(output, count) {
  assert.match(output, new RegExp(`Tests: +${count} passed, ${count} total`), output);
}

export const cases = {
  'a CommonJS project': (project) => {
    writeTests(project, 'js', commonJs);
    expectPassed(project.tool('jest', ['--runInBand']), 2);
  },
  'an ESM project': (project) => {
    project.manifest({ type: 'module', jest: { transform: {} } });
    writeTests(project, 'js', esm);
    project.write(
      'both.test.js',
      `import { backend, storagePool, Tensor } from 'batchnorm';
import { createRequire } from 'node:module';

test('import and require share one instance', () => {
  const required = createRequire(import.meta.url)('batchnorm');
  expect(required.backend).toBe(backend);
  expect(required.storagePool).toBe(storagePool);
  expect(required.Tensor.zeros([1])).toBeInstanceOf(Tensor);
});`,
    );
    const output = project.tool('jest', ['--runInBand'], {
      env: { NODE_OPTIONS: '--experimental-vm-modules' },
    });
    expectPassed(output, 3);
  },
  'jsdom, whose condition "browser" does not apply to require()': (project) => {
    project.install(['jest-environment-jsdom@latest']);
    project.manifest({ jest: { testEnvironment: 'jsdom' } });
    // Without saving: jsdom has no setImmediate, which yazl needs.
    project.write(
      'jsdom.test.js',
      `const { backend, backward, BatchNorm2D, Sgd, Tensor } = require('batchnorm');
test('trains on the native backend', () => {
  const bn = new BatchNorm2D(1);
  const y = bn.forwardMut(Tensor.from([1, 2, 3, 4], [2, 1, 1, 2]).trace());
  new Sgd({ lr: 0.1 }).update(bn, backward(y.exp().mean()));
  expect(backend.name).toBe('native');
  expect(typeof document).toBe('object');
  expect(bn.scale.data[0]).toBeLessThan(1);
});`,
    );
    expectPassed(project.tool('jest', ['--runInBand']), 1);
  },
};
