// The backend in other programs: CommonJS, the separate packages of TensorFlow.js, workers, and without the addon.
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** Runs a program in this folder. @returns what it prints as JSON */
function run(code, { type = 'module', env = {} } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`--input-type=${type}`, '-e', code], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n', stdout.length - 2) + 1));
}

const compute = `
  const y = tf.conv2d(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 1]), 1, 'valid');
  console.log(JSON.stringify([tf.getBackend(), registration.backend.name, [...y.dataSync()], registration.calls().Conv2D]));
`;
const expected = (backend) => ['batchnorm', backend, [18, 18, 18, 18], { native: 1, javascript: 0 }];
const esm = `
  import * as tf from '@tensorflow/tfjs';
  import { register } from 'batchnorm/tfjs';
  const registration = register(tf);
  await tf.setBackend('batchnorm');
  ${compute}
`;
const { BATCHNORM_BACKEND: forced } = process.env;
const usual = forced ?? 'native';

describe('batchnorm/tfjs in programs', () => {
  it('as an ES module', () => {
    expect(run(esm)).to.deep.equal(expected(usual));
  });

  it('by require()', () => {
    const code = `
      const tf = require('@tensorflow/tfjs');
      const registration = require('batchnorm/tfjs').register(tf);
      tf.setBackend('batchnorm').then(() => { ${compute} });
    `;
    expect(run(code, { type: 'commonjs' })).to.deep.equal(expected(usual));
  });

  it('with tfjs-core, the layers and the cpu backend as separate packages', () => {
    const code = `
      import * as tf from '@tensorflow/tfjs-core';
      import '@tensorflow/tfjs-backend-cpu';
      import '@tensorflow/tfjs-layers';
      import { register } from 'batchnorm/tfjs';
      const registration = register(tf, { fuseLayers: true });
      if (!registration.fused.includes('BatchNormalization')) throw new Error(String(registration.fused));
      await tf.setBackend('batchnorm');
      ${compute}
    `;
    expect(run(code)).to.deep.equal(expected(usual));
  });

  it('in TypeScript', () => {
    const program = join(folder, 'typed.mts');
    writeFileSync(
      program,
      `import * as tf from '@tensorflow/tfjs';
      import * as core from '@tensorflow/tfjs-core';
      import { register, type Registration } from 'batchnorm/tfjs';
      const registration: Registration = register(tf, { fuseLayers: true, priority: 2 });
      const count: number | undefined = registration.calls().Relu?.native;
      register(core);
      // @ts-expect-error
      register();
      // @ts-expect-error
      register(tf, { priority: '3' });
      // @ts-expect-error
      register({});
      // @ts-expect-error
      register(tf, { fuse: true });
      export { count };`,
    );
    const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--target',
      'es2022',
    ];
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...options, program], {
      encoding: 'utf8',
    });
    expect(stdout).to.equal('');
    expect(status).to.equal(0);
  });

  it('registered after tensors, variables, a compiled model and steps of its optimizer exist', () => {
    const code = `
      import * as tf from '@tensorflow/tfjs';
      import { register } from 'batchnorm/tfjs';
      const run = async (isOurs) => {
        await tf.setBackend('cpu');
        const weights = (seed) => ({ kernelInitializer: tf.initializers.glorotUniform({ seed }) });
        const layers = [
          tf.layers.conv2d({ inputShape: [5, 5, 1], filters: 2, kernelSize: 3, activation: 'relu', ...weights(1) }),
          tf.layers.batchNormalization(),
          tf.layers.flatten(),
          tf.layers.dense({ units: 2, activation: 'softmax', ...weights(2) }),
        ];
        const net = tf.sequential({ layers });
        net.compile({ optimizer: tf.train.momentum(0.1, 0.9), loss: 'categoricalCrossentropy' });
        const x = tf.tensor4d(Array.from({ length: 100 }, (_, i) => (i * 7) % 5), [4, 5, 5, 1]);
        const y = tf.tensor2d([1, 0, 0, 1, 1, 0, 0, 1], [4, 2]);
        const losses = [await net.trainOnBatch(x, y), await net.trainOnBatch(x, y)];
        if (isOurs) {
          register(tf, { fuseLayers: true });
          await tf.setBackend('batchnorm');
        }
        for (let i = 0; i < 3; i++) losses.push(await net.trainOnBatch(x, y));
        return losses;
      };
      const expected = await run(false);
      console.log(JSON.stringify([expected, await run(true), tf.getBackend()]));
    `;
    const [cpu, ours, name] = run(code);
    expect(name).to.equal('batchnorm');
    cpu.forEach((loss, i) => expect(ours[i]).to.be.closeTo(loss, 1e-5));
  });

  it('without the addon', () => {
    expect(run(esm, { env: { BATCHNORM_BACKEND: 'portable' } })).to.deep.equal(expected('portable'));
  });

  it('in workers, also two at a time', () => {
    const code = `
      import { Worker } from 'node:worker_threads';
      import { once } from 'node:events';
      const code = ${JSON.stringify(`
        const { parentPort } = require('node:worker_threads');
        const tf = require('@tensorflow/tfjs');
        const registration = require('batchnorm/tfjs').register(tf);
        tf.setBackend('batchnorm').then(() => {
          const y = tf.conv2d(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 2, 1]), 1, 'valid');
          parentPort.postMessage([...y.dataSync()]);
        });
      `)};
      const workers = [1, 2].map(() => new Worker(code, { eval: true, execArgv: [] }));
      const results = await Promise.all(workers.map((each) => once(each, 'message')));
      console.log(JSON.stringify(results));
    `;
    expect(run(code)).to.deep.equal([[[18, 18, 18, 18]], [[18, 18, 18, 18]]]);
  });

  it('says what is missing where no cpu backend was imported', () => {
    const code = `
      import * as tf from '@tensorflow/tfjs-core';
      import { register } from 'batchnorm/tfjs';
      try {
        register(tf);
      } catch ({ code, message }) {
        console.log(JSON.stringify([code, message]));
      }
    `;
    const [errorCode, message] = run(code);
    expect(errorCode).to.equal('ERR_BATCHNORM_TYPE');
    expect(message).to.include('@tensorflow/tfjs-backend-cpu');
  });
});
