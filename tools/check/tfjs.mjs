// Tests the backend for TensorFlow.js with the real one, which is installed into build-tfjs/.
//
//   npm run check -- tfjs                 the sections that take less than a minute: core and tests
//   npm run check -- tfjs SECTION...
//
//   core          tfjs-core's own tests
//   poisoned      the same, with NaN in memory that was given back
//   portable      the same, without the addon
//   isas          the same, on AVX2 and on the scalar kernels
//   nodes         the same, on every supported Node, which come from npm
//   neon          those of convolutions, matrix products, pooling, batch norm and memory on NEON under emulation; needs
//                 Debian's g++-aarch64-linux-gnu and qemu-user-static
//   tests         the tests of test/tfjs/, but for those whose names begin with long-
//   long          all tests of test/tfjs/, with 10,000 random chains of operations, 300 random networks and
//                 NaN in free memory
import { build } from 'esbuild';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { run, runQuietly } from '../process.mjs';
import { copyCheckout } from './support/checkout-copy.mjs';
import { nodeCommand } from './support/runtime-programs.mjs';

const folder = resolve('build-tfjs');
const suite = resolve('test/tfjs');

/** A pattern of names. */
const emulatedTests =
  '^(conv|fused|depthwise|matmul|max[Pp]ool|avgPool|batchNorm|memory|relu|sum|softmax|gradients)';

const sections = {
  core: () => core({}),
  poisoned: () => core({ BATCHNORM_POISON: '1' }),
  portable: () => core({ BATCHNORM_BACKEND: 'portable' }),
  isas: async () => {
    for (const isa of ['avx2', 'scalar']) await core({ BATCHNORM_ISA: isa });
  },
  nodes: async () => {
    for (const version of ['22', '24', 'latest']) {
      const [node] = nodeCommand('linux-x64', version);
      await core({}, [node]);
    }
  },
  neon: async () => {
    const target = 'linux-arm64';
    run(process.execPath, ['tools/release/prebuild.mjs', target]);
    const copy = resolve('build-arm64-checkout');
    copyCheckout(copy);
    const library = join(copy, 'dist/tfjs.js');
    const settings = { BATCHNORM_BACKEND: 'native', BATCHNORM_ISA: 'neon', BATCHNORM_TFJS: library };
    await core({ ...settings, TFJS_TESTS: emulatedTests }, nodeCommand(target, '20.19.6'));
  },
  tests: () => mocha(false, {}),
  long: () => mocha(true, { CHAINS: '10000', NETWORKS: '300', BATCHNORM_POISON: '1' }),
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : ['core', 'tests'];
for (const name of chosen) {
  if (Object.hasOwn(sections, name)) continue;
  console.error(`Expected any of ${Object.keys(sections).join(', ')} but received ${name}`);
  process.exit(2);
}
prepare();
for (const name of chosen) {
  console.log(`tfjs: ${name}`);
  await sections[name]();
}

/** Installs TensorFlow.js, unless it is there, and copies the tests to it, so that they find it. */
function prepare() {
  mkdirSync(folder, { recursive: true });
  const manifest = readFileSync(join(suite, 'package.json'), 'utf8');
  const installed = join(folder, 'node_modules', 'installed.json');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== manifest) {
    writeFileSync(join(folder, 'package.json'), manifest);
    runQuietly('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder });
    writeFileSync(installed, manifest);
  }
  cpSync(suite, folder, { recursive: true });
  const link = join(folder, 'node_modules', 'batchnorm');
  if (!existsSync(link)) symlinkSync(resolve('.'), link, 'dir');
}

/** @param command starts Node */
async function core(settings, command = [process.execPath]) {
  await build({
    entryPoints: [join(folder, 'core', 'entry.mjs')],
    outfile: join(folder, 'core', 'bundle.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['worker_threads'],
    // tfjs-core declares modules free of side effects that register tests.
    ignoreAnnotations: true,
    logLevel: 'error',
  });
  const [program, ...args] = command;
  run(program, [...args, 'core/run.mjs'], {
    cwd: folder,
    env: { ...process.env, BATCHNORM_TFJS: resolve('dist/tfjs.js'), ...settings },
  });
}

function mocha(withLong, settings) {
  const specs = readdirSync(folder)
    .filter((name) => name.endsWith('.test.mjs') && (withLong || !name.startsWith('long-')))
    .map((name) => join(folder, name));
  run(
    process.execPath,
    [resolve('node_modules/mocha/bin/mocha.js'), '--no-config', '--timeout', '600000', ...specs],
    {
      env: { ...process.env, ...settings },
    },
  );
}
