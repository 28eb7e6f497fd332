// npm start -- [--checkpoint FILE] [--trained FILE] [--port N] [--host NAME] [--images N] [--checkpoint-steps N]
//   [--shutdown-seconds N]
//
// Serves the weights of a checkpoint, by default the one that `npm start` in the repository saves.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { collectDefaultMetrics } from 'prom-client';
import { backend } from './batchnorm.mjs';
import { LIMITS } from './limits.mjs';
import { CHECKPOINT, forUser, fromUser, TRAINED } from './paths.mjs';
import { makeServer } from './server.mjs';
import { ServedModel } from './served-model.mjs';
import { Trainer } from './trainer.mjs';

const { values: options } = parseArgs({
  options: {
    checkpoint: { type: 'string', default: CHECKPOINT },
    trained: { type: 'string', default: TRAINED },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '3000' },
    images: { type: 'string', default: '12000' },
    'checkpoint-steps': { type: 'string', default: '200' },
    'shutdown-seconds': { type: 'string', default: String(LIMITS.shutdownMs / 1000) },
  },
});
const checkpoint = fromUser(options.checkpoint);
const trained = fromUser(options.trained);

const model = new ServedModel();
const trainer = new Trainer(
  { file: trained, images: integer('images'), checkpointSteps: integer('checkpoint-steps') },
  () => model.file,
  () => void tryReload(trained, 'a checkpoint'),
);
const limits = { ...LIMITS, shutdownMs: 1000 * integer('shutdown-seconds') };
const app = makeServer(model, trainer, checkpoint, limits);

// Memory, event loop delays and garbage collection of the process.
collectDefaultMetrics({ register: app.metricsRegister });

process.on('SIGHUP', () => void tryReload(checkpoint, 'SIGHUP'));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void stop());
}

console.log(`batchnorm: ${backend.name} backend, ${backend.isa}, ${backend.threads} threads`);
if (existsSync(checkpoint)) {
  await loadFirst();
} else {
  console.log(
    `There is no ${forUser(checkpoint)} yet. Either run \`npm start\` in the repository (a minute or two), then`,
  );
  console.log(
    'POST /reload; or POST /training, which trains here and serves the first weights within seconds.',
  );
}
const address = await listen();
const weights = model.version === 0 ? 'no weights' : `the weights of ${forUser(checkpoint)}`;
console.log(`listening at ${address}, with ${weights}; open it in a browser to draw digits`);

let stopping = false;
/** Answers pending requests and lets the training save its state, or ends the process at the deadline. */
async function stop() {
  if (stopping) return;
  stopping = true;
  setTimeout(() => {
    console.error(`ended at the deadline, ${limits.shutdownMs / 1000} s`);
    process.exit();
  }, limits.shutdownMs).unref();
  const [cut] = await Promise.all([app.drain(), trainer.stop()]);
  await model.close();
  if (cut > 0) console.error(`cut ${cut} connections at the deadline`);
}

async function loadFirst() {
  try {
    await model.reload(checkpoint);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

async function listen() {
  const port = integer('port', 0);
  try {
    return await app.listen({ host: options.host, port });
  } catch (error) {
    console.error(`Expected a free port for --port but received ${port}: ${error.message}`);
    return process.exit(1);
  }
}

async function tryReload(file, reason) {
  try {
    console.log(`version ${await app.reloadWeights(file)} after ${reason}: ${forUser(file)}`);
  } catch (error) {
    console.error(error.message);
  }
}

function integer(name, min = 1) {
  const value = Number(options[name]);
  if (!Number.isSafeInteger(value) || value < min) {
    console.error(
      `Expected an integer from ${min} for --${name} but received ${JSON.stringify(options[name])}`,
    );
    process.exit(2);
  }
  return value;
}
