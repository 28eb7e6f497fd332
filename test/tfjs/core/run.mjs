// Runs the bundle of tfjs-core's tests, or those whose names match the pattern TFJS_TESTS. Fails if a test fails, or if
// suspiciously few ran.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const Jasmine = createRequire(import.meta.url)('jasmine');

// Of 4.22; cpu passes 4,227, of which two are for cpu alone. A bundler that drops modules silently drops their tests.
const { TFJS_TESTS: pattern } = process.env;
const minTests = pattern === undefined ? 4225 : 500;
const shown = 40;

const runner = new Jasmine({ projectBaseDir: fileURLToPath(new URL('.', import.meta.url)) });
runner.exitOnCompletion = false;
runner.jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;
const failures = [];
let passed = 0;
const messages = ({ failedExpectations }) => failedExpectations.map(({ message }) => message).join('; ');
runner.clearReporters();
runner.addReporter({
  specDone: (result) => {
    if (result.status === 'passed') passed++;
    if (result.status === 'failed') failures.push(`${result.fullName}: ${messages(result)}`);
  },
  suiteDone: (result) => {
    if (result.failedExpectations.length > 0) failures.push(`${result.fullName}: ${messages(result)}`);
  },
});
// The profiler's tests print what it measures.
const { log } = console;
console.log = () => undefined;
runner.loadConfig({ spec_files: ['bundle.cjs'], random: false });
await runner.execute(undefined, pattern);
console.log = log;

for (const failure of failures.slice(0, shown)) console.error(failure.slice(0, 400));
const { registration } = globalThis;
let unused = [];
if (registration !== undefined && pattern === undefined) {
  const calls = registration.calls();
  unused = registration.kernels.filter((name) => !(calls[name]?.native > 0));
  if (unused.length > 0) console.error(`Kernels of ours that no test reached: ${unused.join(', ')}`);
}
console.log(`Node ${process.version}: ${passed} passed, ${failures.length} failed`);
process.exit(failures.length > 0 || passed < minTests || unused.length > 0 ? 1 : 0);
