// node bench/tfjs.mjs [ROUNDS] [THREADS] [WORKLOAD...]: training steps of TensorFlow.js and inference of MobileNet on its cpu and
// wasm backends, on ours as registered and with fused layers, and the same networks by our own API, also on our WebAssembly
// backend (own-wasm, on one thread like TensorFlow.js's). Needs `npm ci` in bench/, and own-wasm `npm run check -- wasm-module`.
//
// Each contestant is a process; they take turns, a few steps at a time, so that a change in the machine's load hits all.
// TFJS_CONTESTANTS=registered,own leaves the others out. Milliseconds are medians of all steps, or with TFJS_PERCENTILE=10 that
// percentile, for a busy machine; the cpu backend runs each workload only once or twice, because it takes minutes.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { workloads } from './tfjs/workloads.mjs';

const [rounds = '10', threads = '1', ...chosen] = process.argv.slice(2);
const stepsPerRound = 5;
// TensorFlow.js runs thousands of lines of JavaScript a step, which V8 has optimized after about 200 steps.
const warmUpSteps = 200;
const all = ['cpu', 'wasm', 'registered', 'fused', 'own', 'own-wasm'];
const { TFJS_CONTESTANTS: listed, TFJS_PERCENTILE: percentile = '50' } = process.env;
const contestants = listed === undefined ? all : listed.split(',');

const processes = Object.fromEntries(
  contestants.map((name) => {
    const file = fileURLToPath(new URL('tfjs/contestant.mjs', import.meta.url));
    const onWasm = name === 'own-wasm';
    const env = { ...process.env, BATCHNORM_NUM_THREADS: onWasm ? '1' : threads };
    if (onWasm) env.BATCHNORM_BACKEND = 'wasm';
    return [name, fork(file, [name], { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })];
  }),
);

function typical(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length * Number(percentile)) / 100)];
}

async function ask(contestant, workload, steps) {
  const answer = once(processes[contestant], 'message');
  processes[contestant].send({ workload, steps });
  const [{ times, error }] = await answer;
  if (error !== undefined) console.error(`${workload}: ${contestant} failed: ${error}`);
  return times;
}

async function measure(workload) {
  const times = {};
  for (const name of contestants) {
    const warmUp = await ask(name, workload, name === 'cpu' ? 1 : warmUpSteps);
    if (warmUp !== undefined) times[name] = [];
  }
  for (let round = 0; round < Number(rounds); round++) {
    for (const name of Object.keys(times)) {
      if (name === 'cpu' && round > 0) continue;
      times[name].push(...(await ask(name, workload, name === 'cpu' ? 1 : stepsPerRound)));
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, typical(each)]));
}

console.log(
  `${threads} thread${threads === '1' ? '' : 's'} of ours, ${new Date().toISOString().slice(0, 10)}`,
);
const ratio = (a, b) =>
  a === undefined || b === undefined ? '–' : `${(a / b).toFixed(a / b < 10 ? 2 : 0)}×`;
const rows = {};
for (const workload of chosen.length > 0 ? chosen : workloads) {
  const milliseconds = await measure(workload);
  const { cpu, wasm, registered, fused, own } = milliseconds;
  rows[workload] = {
    ...Object.fromEntries(contestants.map((name) => [`${name} ms`, milliseconds[name]?.toFixed(2) ?? '–'])),
    'cpu / registered': ratio(cpu, registered),
    'cpu / fused': ratio(cpu, fused),
    'wasm / registered': ratio(wasm, registered),
    'fused / own': ratio(fused, own),
    'wasm / own-wasm': ratio(wasm, milliseconds['own-wasm']),
  };
}
console.table(rows);
for (const each of Object.values(processes)) each.disconnect();
