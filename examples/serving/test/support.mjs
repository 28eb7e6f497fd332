import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Input } from '../../../dist-dev/examples/digits/input.js';
import { makeNormalized } from '../../../dist-dev/examples/digits/model.js';
import { datasetOf } from '../../../dist-dev/examples/digits/dataset.js';
import { DataLoader, saveCheckpoint } from '../batchnorm.mjs';
import { Curve } from '../curve.mjs';
import { PIXELS, SIZE } from '../network.mjs';

/** Reproducible numbers in [0, 1): a linear congruential generator (Knuth's MMIX). */
export function seeded(seed) {
  let state = BigInt(seed);
  return () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    return Number(state >> 11n) / 2 ** 53;
  };
}

/** A directory that is deleted after the suite; call within `describe`. */
export function temporaryDirectory() {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'batchnorm-serving-'));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });
  return (name) => join(directory, name);
}

/** An unfolded network with its own weights, and its input format. */
export function makeModel(seed) {
  return { network: makeNormalized(seeded(seed)), brightness: { mean: 50, deviation: 70 } };
}

/** Saves such a network as `npm start` does, and returns it. */
export async function saveModel(path, seed, size = SIZE) {
  const model = makeModel(seed);
  const { network, brightness } = model;
  const input = Object.assign(new Input(), { rows: size, columns: size, brightness });
  await saveCheckpoint(path, { model: network, parts: { input } });
  return model;
}

/** The probabilities of each image as the training computes them: without plan, batcher and fold. */
export function infer({ network, brightness }, pixels, count) {
  const images = { pixels, rows: SIZE, columns: SIZE };
  const [{ x }] = new DataLoader(datasetOf(images, brightness), { batchSize: count });
  return network.forward(x).logSoftmax().exp().array();
}

/** Concatenated images as bytes. */
export function someImages(count, seed) {
  const rng = seeded(seed);
  return Uint8Array.from({ length: count * PIXELS }, () => 256 * rng());
}

/** A trainer that never runs. */
export const noTraining = {
  curve: new Curve(),
  status: { running: false },
  start: () => false,
  stop: () => Promise.resolve(),
};

export function predict(app, body, type = 'application/octet-stream') {
  const payload = body instanceof Uint8Array ? Buffer.from(body) : body;
  return app.inject({
    method: 'POST',
    url: '/predict',
    headers: { 'content-type': type },
    payload,
  });
}

export const predictJson = (app, body) => predict(app, JSON.stringify(body), 'application/json');
