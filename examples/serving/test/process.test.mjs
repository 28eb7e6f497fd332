import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import sharp from 'sharp';
import { loadTrained } from '../../../dist-dev/examples/digits/checkpoint.js';
import { PIXELS, SIZE } from '../network.mjs';
import { Server } from './server-process.mjs';
import { saveModel, someImages, temporaryDirectory } from './support.mjs';

async function ask(url, images) {
  const response = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: images,
  });
  return { status: response.status, ...(await response.json()) };
}

/** A request whose headers have arrived, and half of its body. */
async function halfRequest(url, images) {
  const sent = request(`${url}/predict`, {
    method: 'POST',
    // A kept-alive connection would keep the server alive for five seconds.
    agent: false,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': images.length,
      // Resolves when the headers have arrived.
      expect: '100-continue',
    },
  });
  const answered = once(sent, 'response');
  // The connection may end before the body is complete; only the answer matters.
  answered.then(
    () => sent.on('error', () => undefined),
    () => undefined,
  );
  sent.flushHeaders();
  await once(sent, 'continue');
  sent.write(images.subarray(0, PIXELS));
  const answer = answered.then(([response]) => {
    response.resume();
    return response.statusCode;
  });
  return {
    answer,
    finish() {
      sent.end(images.subarray(PIXELS));
      return answer;
    },
  };
}

/** Whether it accepts connections. */
function accepts(url) {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

describe('the process', () => {
  const path = temporaryDirectory();
  const images = someImages(2, 1);
  let server;
  afterEach(async () => {
    server.kill('SIGKILL');
    await server.ended;
  });

  it('reloads at SIGHUP, and ends at SIGTERM after answering pending requests', async function () {
    if (process.platform === 'win32') this.skip();
    await saveModel(path('one.npz'), 1);
    server = new Server('--checkpoint', path('one.npz'));
    const url = await server.url();
    expect(await ask(url, images)).to.include({ status: 200, version: 1 });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).to.match(/^images_total 2$/m);
    expect(metrics).to.match(/^nodejs_eventloop_lag_p99_seconds \S+$/m);
    await saveModel(path('one.npz'), 2);
    server.kill('SIGHUP');
    await server.printed(/version 2 after SIGHUP/);
    expect(await ask(url, images)).to.include({ status: 200, version: 2 });
    const halfway = await halfRequest(url, images);
    server.kill('SIGTERM');
    while (await accepts(url));
    expect(await halfway.finish()).to.equal(200);
    expect(await server.ended).to.equal(0);
  });

  it('ends at SIGTERM by its deadline, even with open connections', async function () {
    if (process.platform === 'win32') this.skip();
    await saveModel(path('one.npz'), 1);
    server = new Server('--checkpoint', path('one.npz'), '--shutdown-seconds', '2');
    const url = await server.url();
    const halfway = await halfRequest(url, images);
    const silent = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    await once(silent, 'connect');
    const silentEnded = once(silent, 'close');
    const begin = performance.now();
    server.kill('SIGTERM');
    expect(await halfway.answer).to.equal(503);
    expect(await server.ended).to.equal(0);
    // Two seconds, and what a busy machine needs to end a process.
    expect(performance.now() - begin).to.be.below(8000);
    await silentEnded;
  });

  it('answers npm run ask about a drawn digit and about a picture', async () => {
    await saveModel(path('asked.npz'), 1);
    const gray = { raw: { width: SIZE, height: SIZE, channels: 1 } };
    await sharp(someImages(1, 3), gray).toFile(path('asked.png'));
    server = new Server('--checkpoint', path('asked.npz'));
    const url = await server.url();
    const program = fileURLToPath(new URL('../ask.mjs', import.meta.url));
    const run = async (...args) =>
      (await promisify(execFile)(process.execPath, [program, '--url', url, ...args])).stdout;
    expect(await run('--digit', '7')).to.match(/[░▒▓█][^]*\nA 7, read as \d \(\d+\.\d %\) by version 1\n$/);
    expect(await run(path('asked.png'))).to.match(/[░▒▓█][^]*asked\.png, read as \d \(/);
    const missing = await run(path('missing.png')).catch((error) => error);
    expect(missing.code).to.equal(1);
    expect(missing.stderr)
      .to.include('missing.png')
      .and.not.to.match(/\n\s+at /);
  });

  const post = (url, route, body = {}) =>
    fetch(`${url}/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const trainingOptions = ['--images', '1280', '--checkpoint-steps', '5'];

  it('explains how to get weights if there are none, and trains them on request', async () => {
    const [file, trained] = [path('none.npz'), path('first.npz')];
    server = new Server('--checkpoint', file, '--trained', trained, ...trainingOptions);
    await server.printed(/There is no .*none\.npz yet[^]*npm start[^]*POST \/training/);
    const url = await server.url();
    expect((await ask(url, images)).status).to.equal(503);
    expect((await post(url, 'training')).status).to.equal(202);
    await server.printed(/version 1 after a checkpoint: .*first\.npz/);
    let answers = 0;
    let metrics;
    do {
      expect((await ask(url, images.subarray(0, PIXELS))).status).to.equal(200);
      answers++;
      metrics = await (await fetch(`${url}/status`)).json();
    } while (metrics.training.running);
    expect(metrics.training).to.include({ epoch: 1, steps: 20 });
    expect(answers).to.be.above(0);
    expect([existsSync(file), existsSync(trained)]).to.deep.equal([false, true]);

    // Resumes where the first training ended, and stops on request.
    expect((await post(url, 'training', { epochs: 0 })).status).to.equal(400);
    expect((await post(url, 'training', { epoch: 3 })).status).to.equal(400);
    expect((await post(url, 'training', { epochs: 1000 })).status).to.equal(202);
    expect((await post(url, 'training')).status).to.equal(409);
    const stopped = await (await fetch(`${url}/training`, { method: 'DELETE' })).json();
    expect(stopped.running).to.equal(false);
    expect(stopped.steps).to.be.at.least(20);
    expect((await ask(url, images)).status).to.equal(200);
  });

  it('continues training from the weights of its checkpoint without changing the file', async () => {
    const [file, trained] = [path('start.npz'), path('trained.npz')];
    const { network, brightness } = await saveModel(file, 1);
    const before = readFileSync(file);
    server = new Server('--checkpoint', file, '--trained', trained, ...trainingOptions);
    const url = await server.url();
    expect((await post(url, 'training')).status).to.equal(202);
    await server.printed(/after a checkpoint: .*trained\.npz/);
    await fetch(`${url}/training`, { method: 'DELETE' });
    expect(readFileSync(file).equals(before)).to.equal(true);

    const after = await loadTrained(trained);
    expect(after.input.brightness).to.deep.equal(brightness);
    const weightsOf = (each) => each.parameters().flatMap(([, tensor]) => tensor.array().flat(3));
    const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]));
    const [start, end] = [weightsOf(network), weightsOf(after.network)];
    expect(distance(start, end)).to.be.within(1e-3, 0.5 * distance(start, start.toReversed()));

    expect((await (await fetch(`${url}/status`)).json()).file).to.include('trained.npz');
    expect((await post(url, 'reload')).status).to.equal(200);
    expect((await (await fetch(`${url}/status`)).json()).file).to.include('start.npz');
  });

  it('never resumes the checkpoint of another program as its own', async () => {
    const file = path('foreign.npz');
    await saveModel(file, 1);
    const before = readFileSync(file);
    server = new Server('--checkpoint', file, '--trained', file, ...trainingOptions);
    const url = await server.url();
    await post(url, 'training');
    let training;
    do training = await (await fetch(`${url}/training`)).json();
    while (training.running);
    expect(training.error).to.include('foreign.npz');
    expect(readFileSync(file).equals(before)).to.equal(true);
  });

  it('names invalid options', async () => {
    server = new Server('--images', 'many');
    await server.printed(/Expected an integer from 1 for --images but received "many"/);
    expect(await server.ended).to.equal(2);
  });

  it('does not start with a file that is not a checkpoint', async () => {
    await sharp(someImages(1, 3), { raw: { width: SIZE, height: SIZE, channels: 1 } })
      .png()
      .toFile(path('picture.npz'));
    server = new Server('--checkpoint', path('picture.npz'));
    await server.printed(/picture\.npz/);
    expect(await server.ended).to.equal(1);
  });
});
