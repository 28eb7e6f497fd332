// A process of bench/tfjs.mjs that runs one contestant: it prepares a workload and runs steps of it when it is asked to.
import { createRequire } from 'node:module';
import { workOfOwn, workOfTensorFlow } from './workloads.mjs';

const [contestant] = process.argv.slice(2);
const works = new Map();

async function makeWork(name) {
  if (contestant.startsWith('own')) return workOfOwn(await import('../../dist/index.js'), name);
  // Of bench/node_modules.
  const require = createRequire(import.meta.url);
  const tf = require('@tensorflow/tfjs');
  if (contestant === 'registered' || contestant === 'fused') {
    const { register } = await import('../../dist/tfjs.js');
    register(tf, { fuseLayers: contestant === 'fused' });
  }
  if (contestant === 'wasm') require('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend(contestant === 'registered' || contestant === 'fused' ? 'batchnorm' : contestant);
  return workOfTensorFlow(tf, name);
}

process.on('message', async ({ workload, steps }) => {
  try {
    if (!works.has(workload)) works.set(workload, await makeWork(workload));
    const work = works.get(workload);
    const times = [];
    for (let i = 0; i < steps; i++) {
      const begin = performance.now();
      await work();
      times.push(performance.now() - begin);
    }
    process.send({ times });
  } catch (error) {
    process.send({ error: error.message });
  }
});
