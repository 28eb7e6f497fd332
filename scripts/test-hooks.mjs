// Tests that need an addon in which allocations can be made to fail and machines be faked: test/robustness/hooks/.
// Arguments go to mocha.
import { createRequire } from 'node:module';
import { hookedPackage } from './hooked-package.mjs';
import { run } from './run.mjs';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const cwd = hookedPackage();
run(
  process.execPath,
  [mocha, '--no-config', 'dist-dev/test/robustness/hooks/*.check.js', ...process.argv.slice(2)],
  {
    cwd,
    env: { ...process.env, BATCHNORM_BACKEND: 'native' },
  },
);
