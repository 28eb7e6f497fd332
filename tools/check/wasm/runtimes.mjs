// The mocha suite on the WebAssembly backend of other runtimes, which come from npm.
import { run } from '../../process.mjs';
import { nodeCommand, runtime } from '../support/runtime-programs.mjs';
import { resultsOfKernels, wholeSuite } from '../support/suites.mjs';

/** The tests of the backend that start no other processes, which would need options of Node. */
const inOtherEngines = [...resultsOfKernels, 'dist-dev/test/unit/backend/wasm.test.js'];

/** The command and the tests of each runtime. */
const runtimes = {
  ...Object.fromEntries(
    ['20', '22', '24', '26'].map((version) => [
      `node-${version}`,
      { command: () => nodeCommand('linux-x64', version), suite: wholeSuite },
    ]),
  ),
  bun: { command: () => [runtime('@oven/bun-linux-x64', 'latest', 'bin/bun')], suite: inOtherEngines },
  deno: {
    command: () => [runtime('@deno/linux-x64-glibc', 'latest', 'deno'), 'run', '--allow-all'],
    suite: inOtherEngines,
  },
};

/**
 * @param {string} mocha
 * @param {readonly string[]} chosen Names of runtimes; none for all of them.
 */
export function suiteOnRuntimes(mocha, chosen) {
  const names = Object.keys(runtimes);
  const unknown = chosen.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    console.error(`Expected any of ${names.join(', ')} but received ${unknown.join(', ')}`);
    process.exit(2);
  }
  for (const name of chosen.length > 0 ? chosen : names) {
    console.log(`\n##### ${name}`);
    const { command, suite } = runtimes[name];
    const [program, ...args] = command();
    run(program, [...args, mocha, '--reporter', 'dot', ...suite], {
      env: { ...process.env, BATCHNORM_BACKEND: 'wasm' },
    });
  }
}
