import { expect } from 'chai';
import { storagePool } from 'batchnorm';
import { tf } from './support/backends.mjs';

const values = Float32Array.from({ length: 600 }, (_, i) => (i % 17) - 8);
const image = () => tf.tensor4d(values, [2, 10, 10, 3]);
const filter = () => tf.tensor4d(values.slice(0, 108), [3, 3, 3, 4]);

/** Takes the memory that was given back and overwrites it. */
function overwriteFreeMemory(length) {
  const taken = Array.from({ length: 20 }, () => tf.add(tf.zeros([length]), 1e9));
  tf.dispose(taken);
}

describe('memory on our backend', () => {
  before(() => tf.setBackend('batchnorm'));

  it('is recycled when tensors are disposed of', () => {
    const x = image();
    tf.relu(x).dispose();
    const { bytes } = storagePool;
    const y = tf.relu(x);
    expect(storagePool.bytes).to.equal(bytes - y.size * 4);
    y.dispose();
    expect(storagePool.bytes).to.equal(bytes);
    x.dispose();
    expect(storagePool.bytes, 'the memory of the user').to.equal(bytes);
  });

  it('is counted by tf.memory()', () => {
    const before = tf.memory();
    // Other tests leave tensors on other backends, which tf.memory() counts, too.
    const elsewhere = before.numDataBuffers - tf.backend().numDataIds();
    const x = image();
    const y = tf.tidy(() => tf.conv2d(x, filter(), 1, 'same'));
    const { numTensors, numDataBuffers, numBytes } = tf.memory();
    expect(numTensors - before.numTensors).to.equal(2);
    expect(numDataBuffers - before.numDataBuffers).to.equal(2);
    expect(numBytes - before.numBytes).to.equal((x.size + y.size) * 4);
    tf.dispose([x, y]);
    expect(tf.memory().numBytes).to.equal(before.numBytes);
    expect(tf.backend().numDataIds() + elsewhere).to.equal(tf.memory().numDataBuffers);
  });

  it('that was read stays as it was', () => {
    const x = image();
    const y = tf.mul(x, 2);
    const read = y.dataSync();
    expect(read.byteLength).to.equal(read.buffer.byteLength);
    const expected = [...read];
    tf.dispose([x, y]);
    overwriteFreeMemory(600);
    expect([...read]).to.deep.equal(expected);
  });

  it('that another tensor shares is not recycled', () => {
    const x = image();
    const cases = {
      reshape: (y) => tf.reshape(y, [600]),
      clone: (y) => tf.clone(y),
      'a view by a kernel of cpu': (y) => tf.real(tf.complex(y, y)),
      'a spectrum': (y) => tf.abs(tf.spectral.fft(tf.complex(tf.reshape(y, [600]), tf.zeros([600])))),
    };
    for (const [name, make] of Object.entries(cases)) {
      const y = tf.mul(x, 3);
      const z = tf.tidy(() => make(y));
      const expected = [...z.dataSync()];
      y.dispose();
      overwriteFreeMemory(600);
      expect([...z.dataSync()], name).to.deep.equal(expected);
      z.dispose();
    }
    x.dispose();
  });

  it('of planes is read in both layouts', () => {
    const [x, w] = [image(), filter()];
    const y = tf.conv2d(x, w, 1, 'same');
    const rows = [...y.dataSync()];
    const again = tf.tidy(() => [...tf.add(y, 0).dataSync()]);
    const flat = tf.tidy(() => [...tf.relu(tf.reshape(y, [800])).dataSync()]);
    expect(again).to.deep.equal(rows);
    expect(flat).to.deep.equal(rows.map((value) => Math.max(0, value)));
    y.dispose();
    overwriteFreeMemory(800);
    tf.dispose([x, w]);
  });

  it('moves to another backend and back', async () => {
    const [x, w] = [image(), filter()];
    const y = tf.conv2d(x, w, 1, 'same');
    const expected = [...y.dataSync()];
    await tf.setBackend('cpu');
    const doubled = tf.mul(y, 2);
    overwriteFreeMemory(800);
    expect([...doubled.dataSync()]).to.deep.equal(expected.map((value) => value * 2));
    await tf.setBackend('batchnorm');
    const halved = tf.div(doubled, 2);
    expect([...halved.dataSync()]).to.deep.equal(expected);
    tf.dispose([x, w, y, doubled, halved]);
  });

  it('stays constant over a thousand steps of fit', async () => {
    const model = tf.sequential();
    model.add(tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 4, kernelSize: 3, activation: 'relu' }));
    model.add(tf.layers.batchNormalization());
    model.add(tf.layers.maxPooling2d({ poolSize: 2 }));
    model.add(tf.layers.flatten());
    model.add(tf.layers.dense({ units: 3, activation: 'softmax' }));
    model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const x = tf.randomNormal([80, 8, 8, 1]);
    const y = tf.oneHot(tf.range(0, 80, 1, 'int32').mod(3).toInt(), 3);
    const epochs = (count) => model.fit(x, y, { batchSize: 8, epochs: count, verbose: 0 });
    await epochs(20);
    globalThis.gc?.();
    const before = { ...tf.memory(), pool: storagePool.bytes, rss: process.memoryUsage().rss };
    await epochs(100);
    globalThis.gc?.();
    const after = { ...tf.memory(), pool: storagePool.bytes, rss: process.memoryUsage().rss };
    expect(after.numTensors).to.equal(before.numTensors);
    expect(after.numBytes).to.equal(before.numBytes);
    expect(after.pool).to.be.at.most(before.pool * 1.1);
    expect(after.rss - before.rss).to.be.below(48e6);
  });
});
