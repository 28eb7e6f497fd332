// The same training on many simulated machines: different numbers of threads and cores, busy neighbors, other caches,
// repeated in one process and in several. All results must be bit-identical.
//
//   npm run determinism -- [STEPS]    1000 by default
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { hookedPackage } from '../build/package-with-hooks.mjs';

const steps = process.argv[2] ?? '1000';
const cwd = hookedPackage();
const program = ['dist-dev/test/conformance/determinism/train.js', steps];

/** Threads share work from 64 elements on, so that small tensors are split in every way too. */
const machine = (caches) => JSON.stringify({ ...(caches && { caches }), share: 64 });
const pinned = (cores) => ['taskset', '-c', cores];
const threads = (count) => ({ BATCHNORM_NUM_THREADS: String(count) });

/** Variations of the first run: a command prefix, the environment, whether other processes are busy. */
const native = [
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((count) => [
    count === 1 ? '1 thread' : `${count} threads`,
    { env: threads(count) },
  ]),
  ['default number of threads', {}],
  ['no sharing between threads', { machine: '{}' }],
  ['pinned to one core, 1 thread', { front: pinned('0'), env: threads(1) }],
  ['pinned to one core, 8 threads', { front: pinned('0'), env: threads(8) }],
  ['pinned to two cores, 2 threads', { front: pinned('0,1'), env: threads(2) }],
  ['pinned to two cores, 8 threads', { front: pinned('0,1'), env: threads(8) }],
  ['busy neighbors', { busy: true, env: threads(2) }],
  ['busy neighbors, 8 threads', { busy: true, env: threads(8) }],
  ['caches of 16 KB, 32 KB and none', { machine: machine([16 << 10, 32 << 10, 0]), env: threads(4) }],
  ['caches of 64 KB, 8 MB and 1 GB', { machine: machine([64 << 10, 8 << 20, 1 << 30]), env: threads(4) }],
  ['caches of 1 KB each, 3 threads', { machine: machine([1 << 10, 1 << 10, 1 << 10]), env: threads(3) }],
  ['a second time', { env: threads(2) }],
  ['a third time', { env: threads(2) }],
];
const portable = native.filter(([name]) => /1 thread|default|time|busy neighbors$/.test(name));
const { backend: best } = await import('batchnorm');
const isas = process.arch === 'arm64' ? ['neon'] : [...new Set([best.isa, 'avx2', 'scalar'])];

let wrong = 0;
for (const [backend, runs] of [
  ...isas.map((isa) => [{ BATCHNORM_BACKEND: 'native', BATCHNORM_ISA: isa }, native]),
  [{ BATCHNORM_BACKEND: 'portable' }, portable],
]) {
  console.log(`=== ${Object.values(backend).join(' ')}, ${steps} steps`);
  let expected;
  for (const [name, options] of runs) {
    if (options.front !== undefined && skipped(options.front)) continue;
    const hash = train(backend, options);
    expected ??= hash;
    if (hash !== expected) wrong++;
    console.log(`${hash.slice(0, 16)} ${hash === expected ? 'same ' : 'OTHER'} ${name}`);
  }
}
console.log(wrong === 0 ? 'all bit-identical' : `${wrong} with different bits`);
process.exitCode = wrong === 0 ? 0 : 1;

function train(backend, { front = [], env = {}, busy = false, machine: given = machine() }) {
  const native = backend.BATCHNORM_BACKEND === 'native';
  const [command, ...args] = [...front, process.execPath, ...program];
  const neighbors = busy ? occupyProcessors() : [];
  try {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd,
      encoding: 'utf8',
      env: {
        ...process.env,
        ...backend,
        ...(native ? { DETERMINISM_MACHINE: given, ...env } : {}),
      },
    });
    if (status !== 0) throw new Error(`${[command, ...args].join(' ')} failed:\n${stderr}`);
    return stdout.trim();
  } finally {
    for (const each of neighbors) each.kill('SIGKILL');
  }
}

function occupyProcessors() {
  return Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
}

/** Whether processes cannot be pinned like this here; prints a note if so. */
function skipped(front) {
  const can = spawnSync(front[0], [...front.slice(1), 'true']).status === 0;
  if (!can) console.log(`skipped: ${front.join(' ')} is not possible here`);
  return !can;
}
