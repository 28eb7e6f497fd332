import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { PIXELS } from '../network.mjs';
import { saveNetwork, someImages, temporaryDirectory } from './support.mjs';

const main = fileURLToPath(new URL('../main.mjs', import.meta.url));

/** The server in a process of its own. */
class Server {
  #child;
  #output = '';
  #waiting = [];

  constructor(...args) {
    this.#child = spawn(process.execPath, [main, '--port', '0', ...args]);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
        for (const check of this.#waiting) check();
      });
    }
    this.ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** The first match of what it prints, whenever that comes. */
  printed(pattern) {
    return new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(this.#output);
        if (match !== null) resolve(match);
      };
      this.#waiting.push(check);
      check();
      void this.ended.then(() => reject(new Error(`ended before ${pattern}: ${this.#output}`)));
    });
  }

  async url() {
    return (await this.printed(/listening at (\S+),/))[1];
  }

  kill(signal) {
    this.#child.kill(signal);
  }
}

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
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': images.length,
      // Answered when the headers have arrived.
      expect: '100-continue',
    },
  });
  const answered = once(sent, 'response');
  sent.flushHeaders();
  await once(sent, 'continue');
  sent.write(images.subarray(0, PIXELS));
  return {
    async finish() {
      sent.end(images.subarray(PIXELS));
      const [response] = await answered;
      response.resume();
      return response.statusCode;
    },
  };
}

/** Whether it takes further connections. */
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

  it('reloads at SIGHUP and ends at SIGTERM, when what was asked is answered', async function () {
    if (process.platform === 'win32') this.skip();
    await saveNetwork(path('one.npz'), 1);
    server = new Server('--checkpoint', path('one.npz'));
    const url = await server.url();
    expect(await ask(url, images)).to.include({ status: 200, version: 1 });
    await saveNetwork(path('one.npz'), 2);
    server.kill('SIGHUP');
    await server.printed(/version 2 after SIGHUP/);
    expect(await ask(url, images)).to.include({ status: 200, version: 2 });
    const halfway = await halfRequest(url, images);
    server.kill('SIGTERM');
    while (await accepts(url));
    expect(await halfway.finish()).to.equal(200);
    expect(await server.ended).to.equal(0);
  });

  it('is asked about a drawn digit by npm run ask', async () => {
    await saveNetwork(path('asked.npz'), 1);
    server = new Server('--checkpoint', path('asked.npz'));
    const program = fileURLToPath(new URL('../ask.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, '--digit', '7', '--url', await server.url()]); // prettier-ignore
    expect(stdout).to.match(/[░▒▓█][^]*\nA 7, read as \d \(\d+\.\d %\) by version 1\n$/);
  });

  it('trains in a worker, answers meanwhile and takes over each checkpoint', async () => {
    const file = path('trained.npz');
    server = new Server('--checkpoint', file, '--images', '1280', '--checkpoint-steps', '5');
    const url = await server.url();
    expect((await ask(url, images)).status).to.be.oneOf([200, 503]);
    await server.printed(/version 1 after a checkpoint/);
    let answers = 0;
    let metrics;
    do {
      expect((await ask(url, images.subarray(0, PIXELS))).status).to.equal(200);
      answers++;
      metrics = await (await fetch(`${url}/metrics`)).json();
    } while (metrics.training.running);
    expect(metrics.training).to.include({ epoch: 1, steps: 20 });
    await server.printed(/version [2-5] after a checkpoint/);
    expect(answers).to.be.above(0);
    expect(existsSync(file)).to.equal(true);

    // Goes on where that one ended, and stops when told.
    const post = { method: 'POST', headers: { 'content-type': 'application/json' } };
    const start = (epochs) =>
      fetch(`${url}/training`, { ...post, body: JSON.stringify({ epochs }) });
    expect((await start(0)).status).to.equal(400);
    expect((await start(1000)).status).to.equal(202);
    expect((await start(1)).status).to.equal(409);
    const stopped = await (await fetch(`${url}/training`, { method: 'DELETE' })).json();
    expect(stopped.running).to.equal(false);
    expect(stopped.steps).to.be.at.least(20);
    expect((await ask(url, images)).status).to.equal(200);
  });

  it('says what is wrong with its options', async () => {
    server = new Server('--images', 'many');
    await server.printed(/Expected an integer from 1 for --images but received "many"/);
    expect(await server.ended).to.equal(2);
  });
});
