import { expect } from 'chai';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tf } from './support/backends.mjs';

function model() {
  const net = tf.sequential();
  net.add(tf.layers.dense({ inputShape: [4], units: 5, activation: 'relu' }));
  net.add(tf.layers.dense({ units: 2 }));
  net.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  return net;
}

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('Expected a rejection');
}

describe('file:// models', () => {
  let folder;
  beforeEach(async () => {
    await tf.setBackend('batchnorm');
    folder = mkdtempSync(join(tmpdir(), 'batchnorm-tfjs-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are saved and loaded with their weights and their training', async () => {
    const net = model();
    const path = join(folder, 'deep', 'er');
    const { modelArtifactsInfo } = await net.save(`file://${path}`);
    expect(modelArtifactsInfo).to.include({
      modelTopologyType: 'JSON',
      weightDataBytes: 4 * (4 * 5 + 5 + 5 * 2 + 2),
    });
    const loaded = await tf.loadLayersModel(`file://${path}/model.json`);
    const x = tf.randomNormal([3, 4]);
    expect([...loaded.predict(x).dataSync()]).to.deep.equal([...net.predict(x).dataSync()]);
    expect(readdirSync(path)).to.have.length(2);
  });

  it('keep the optimizer', async () => {
    const net = model();
    await net.trainOnBatch(tf.ones([2, 4]), tf.ones([2, 2]));
    await net.save(`file://${folder}`, { includeOptimizer: true });
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    expect(await loaded.evaluate(tf.ones([2, 4]), tf.ones([2, 2])).data()).to.have.length(1);
  });

  it('replace the previous weights and leave other files alone', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    await model().save(`file://${folder}`);
    const net = model();
    await net.save(`file://${folder}`);
    expect(readdirSync(folder).filter((name) => name.startsWith('weights-'))).to.have.length(1);
    expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).to.equal('mine');
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    const x = tf.ones([1, 4]);
    expect([...loaded.predict(x).dataSync()]).to.deep.equal([...net.predict(x).dataSync()]);
  });

  it('are whole again if a save was interrupted before model.json', async () => {
    const net = model();
    await net.save(`file://${folder}`);
    // A killed process leaves new weights that nothing names.
    writeFileSync(join(folder, 'weights-0123456789abcdef.bin'), 'torn');
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    const x = tf.ones([1, 4]);
    expect([...loaded.predict(x).dataSync()]).to.deep.equal([...net.predict(x).dataSync()]);
  });

  it('of the converter, in several files with quantized weights, are loaded', async () => {
    const net = model();
    let artifacts;
    await net.save(tf.io.withSaveHandler(async (given) => ((artifacts = given), { modelArtifactsInfo: {} })));
    const bytes = new Uint8Array([artifacts.weightData].flat()[0]);
    const cut = 48;
    writeFileSync(join(folder, 'group1-shard1of2.bin'), bytes.subarray(0, cut));
    writeFileSync(join(folder, 'group1-shard2of2.bin'), bytes.subarray(cut));
    const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin'];
    const { modelTopology, weightSpecs: weights } = artifacts;
    writeFileSync(
      join(folder, 'model.json'),
      JSON.stringify({ modelTopology, weightsManifest: [{ paths, weights }] }),
    );
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    const x = tf.ones([1, 4]);
    expect([...loaded.predict(x).dataSync()]).to.deep.equal([...net.predict(x).dataSync()]);
  });

  it('name what is damaged', async () => {
    await model().save(`file://${folder}`);
    const path = join(folder, 'model.json');
    const load = () => rejection(tf.loadLayersModel(`file://${path}`));
    const whole = JSON.parse(readFileSync(path, 'utf8'));
    const [group] = whole.weightsManifest;
    const damaged = {
      'something else': '{',
      none: '[]',
      'in weights-': JSON.stringify({
        ...whole,
        weightsManifest: [{ ...group, weights: group.weights.slice(1) }],
      }),
      '"../secret"': JSON.stringify({ ...whole, weightsManifest: [{ ...group, paths: ['../secret'] }] }),
      '"/etc/hostname"': JSON.stringify({
        ...whole,
        weightsManifest: [{ ...group, paths: ['/etc/hostname'] }],
      }),
      'groups of paths': JSON.stringify({ ...whole, weightsManifest: [null] }),
    };
    for (const [expected, text] of Object.entries(damaged)) {
      writeFileSync(path, text);
      const error = await load();
      expect(error, expected).to.include({ code: 'ERR_BATCHNORM_FILE_FORMAT', file: path });
      expect(error.message).to.include(expected);
    }
    rmSync(path);
    expect(await load()).to.have.property('code', 'ENOENT');
  });
});
