// Runs test/robustness/hooks/ with an addon in which tests can make allocations fail and simulate other processors.
// Arguments are passed on to mocha.
import { createRequire } from 'node:module';
import { hookedPackage } from '../build/package-with-hooks.mjs';
import { run } from '../process.mjs';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const cwd = hookedPackage();
run(process.execPath, [mocha, 'dist-dev/test/robustness/hooks/*.check.js', ...process.argv.slice(2)], {
  cwd,
  env: { ...process.env, BATCHNORM_BACKEND: 'native' },
});
