// npm run load-test -- [--checkpoint FILE] [--seconds N] [--connections N]
//
// Starts the server in a separate process and sends requests as fast as possible: alone, while a training runs in its
// worker, and while its weights are reloaded continuously. Fails if any answer is not 200.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { PIXELS } from './network.mjs';
import { CHECKPOINT, forUser, fromUser } from './paths.mjs';

const { values: options } = parseArgs({
  options: {
    checkpoint: { type: 'string', default: CHECKPOINT },
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '10' },
  },
});

const pixels = Buffer.from(Uint8Array.from({ length: 32 * PIXELS }, (_, i) => (i * 7919) % 256));
const bytes = 'application/octet-stream';
const kinds = [
  { name: '1 image, bytes', images: 1, type: bytes, body: pixels.subarray(0, PIXELS) },
  {
    name: '1 image, JSON',
    images: 1,
    type: 'application/json',
    body: JSON.stringify({ image: [...pixels.subarray(0, PIXELS)] }),
  },
  { name: '32 images, bytes', images: 32, type: bytes, body: pixels },
  {
    name: '1 picture, PNG',
    images: 1,
    type: 'image/png',
    body: readFileSync(new URL('three.png', import.meta.url)),
  },
];

const checkpoint = fromUser(options.checkpoint);
if (!existsSync(checkpoint)) {
  console.error(
    `Expected a checkpoint at ${forUser(checkpoint)}, as saved by npm start in the repository, but found none`,
  );
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'batchnorm-load-'));
const server = await start();
let failures = 0;
try {
  console.log(
    `${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
  );
  console.log(`${options.connections} connections, ${options.seconds} s each\n`);
  console.log('| request | server | requests/s | images/s | p50 ms | p97.5 ms | p99 ms | max ms | not 200 |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  // Warm-up, so that JIT compilation is not measured.
  for (const kind of kinds) await cannon(kind, 2);
  for (const kind of kinds) await measure(kind, 'alone');
  await duringTraining(async () => {
    for (const kind of kinds) await measure(kind, 'while a training runs');
  });
  await acrossReloads(async () => {
    for (const kind of kinds) await measure(kind, 'while weights are reloaded');
  });
} finally {
  server.child.kill('SIGTERM');
  await server.ended;
  rmSync(folder, { recursive: true });
}
if (failures > 0) {
  console.error(`${failures} answers had another status than 200`);
  process.exitCode = 1;
}

async function measure(kind, state) {
  const result = await cannon(kind, Number(options.seconds));
  const notOk = result.non2xx + result.errors + result.timeouts;
  failures += notOk;
  const perSecond = result.requests.total / result.duration;
  const { p50, p97_5, p99, max } = result.latency;
  const cells = [
    kind.name,
    state,
    Math.round(perSecond),
    Math.round(perSecond * kind.images),
    p50,
    p97_5,
    p99,
    max,
    notOk,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

function cannon({ type, body }, duration) {
  return autocannon({
    url: `${server.url}/predict`,
    method: 'POST',
    headers: { 'content-type': type },
    body,
    duration,
    connections: Number(options.connections),
  });
}

async function duringTraining(run) {
  const before = (await ask('GET', 'status')).version;
  await ask('POST', 'training', { epochs: 100_000 });
  while (((await ask('GET', 'training')).steps ?? 0) === 0) await setTimeout(100);
  await run();
  const { steps, loss } = await ask('DELETE', 'training');
  const { version, failedReloads } = await ask('GET', 'status');
  console.error(
    `training: step ${steps}, loss ${loss.toFixed(4)}; ${version - before} checkpoints loaded, ${failedReloads} reloads failed`,
  );
}

async function acrossReloads(run) {
  const before = (await ask('GET', 'status')).version;
  let running = true;
  const reloading = (async () => {
    while (running) {
      await ask('POST', 'reload');
    }
  })();
  await run();
  running = false;
  await reloading;
  const { version, failedReloads } = await ask('GET', 'status');
  console.error(`${version - before} reloads, ${failedReloads} failed`);
}

async function ask(method, route, body) {
  const response = await fetch(`${server.url}/${route}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} /${route}: ${response.status} ${await response.text()}`);
  return response.json();
}

function start() {
  const main = fileURLToPath(new URL('main.mjs', import.meta.url));
  const args = ['--checkpoint', checkpoint, '--trained', join(folder, 'trained.npz'), '--port', '0'];
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const [, url] = /listening at (\S+),/.exec(output) ?? [];
      if (url !== undefined) resolve({ child, ended, url });
    });
    void ended.then(() => reject(new Error(`The server ended: ${output}`)));
  });
}
