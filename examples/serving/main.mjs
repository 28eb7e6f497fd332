// npm start -- [--checkpoint FILE] [--port N] [--host NAME] [--images N] [--checkpoint-steps N]
//
// Serves the weights of a checkpoint. Where there is none yet, a training in a worker makes one.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { backend } from './batchnorm.mjs';
import { makeServer } from './server.mjs';
import { ServedModel } from './served-model.mjs';
import { Trainer } from './trainer.mjs';

const { values: options } = parseArgs({
  options: {
    checkpoint: { type: 'string', default: 'digits.npz' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '3000' },
    images: { type: 'string', default: '12000' },
    'checkpoint-steps': { type: 'string', default: '200' },
  },
});

const model = new ServedModel(options.checkpoint);
const trainer = new Trainer(
  options.checkpoint,
  { images: integer('images'), checkpointSteps: integer('checkpoint-steps') },
  () => void tryReload('a checkpoint'),
);
const app = makeServer(model, trainer);

process.on('SIGHUP', () => void tryReload('SIGHUP'));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    // What has been asked is answered; the training saves what it has.
    await Promise.all([app.close(), trainer.stop()]);
  });
}

if (existsSync(options.checkpoint)) {
  await app.reloadWeights();
} else {
  console.log(`${options.checkpoint} is not there yet: a training begins, and its first checkpoint is served`); // prettier-ignore
  trainer.start(1);
}
const address = await app.listen({ host: options.host, port: integer('port', 0) });
console.log(`batchnorm: ${backend.name} backend, ${backend.isa}, ${backend.threads} threads`);
console.log(`listening at ${address}, weights of version ${model.version}`);

async function tryReload(reason) {
  try {
    console.log(`version ${await app.reloadWeights()} after ${reason}`);
  } catch (error) {
    console.error(error.message);
  }
}

function integer(name, least = 1) {
  const value = Number(options[name]);
  if (!Number.isSafeInteger(value) || value < least) {
    console.error(`Expected an integer from ${least} for --${name} but received ${JSON.stringify(options[name])}`); // prettier-ignore
    process.exit(2);
  }
  return value;
}
