import { Agent, request } from 'node:http';
import { expect } from 'chai';
import { LIMITS } from '../limits.mjs';
import { PIXELS } from '../network.mjs';
import { makeServer } from '../server.mjs';
import { ServedModel } from '../served-model.mjs';
import { headersOf, open, statusesOf } from './sockets.mjs';
import { noTraining, saveModel, someImages, temporaryDirectory } from './support.mjs';

describe('the shutdown of the server', () => {
  const path = temporaryDirectory();
  const image = someImages(1, 1);
  let model;
  let app;
  before(async () => {
    await saveModel(path('weights.npz'), 1);
    model = new ServedModel();
    await model.reload(path('weights.npz'));
  });
  afterEach(() => app.close());

  async function start(limits, { served = model, training = noTraining } = {}) {
    app = makeServer(served, training, path('weights.npz'), { ...LIMITS, ...limits });
    await app.listen({ port: 0 });
  }

  it('answers every request of busy connections and marks the last answer of each', async () => {
    // A long idle limit, so that no connection counts as idle even on a slow machine.
    await start({ quietMs: 60_000, shutdownMs: 120_000 });
    const [{ address: host, port }] = app.addresses();
    let draining;
    let requests = 0;
    const clients = Array.from({ length: 20 }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      let last;
      do {
        last = await post({ agent, host, port });
        expect(last.status).to.equal(200);
        if (++requests === 200) draining = app.drain();
      } while (last.connection !== 'close');
      agent.destroy();
    });
    await Promise.all(clients);
    expect(await draining).to.equal(0);
  });

  function post(connection) {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/octet-stream' };
      const sent = request({ ...connection, method: 'POST', path: '/predict', headers });
      sent.on('error', reject).on('response', (response) => {
        const answer = { status: response.statusCode, connection: response.headers.connection };
        response.resume().on('end', () => resolve(answer));
      });
      sent.end(image);
    });
  }

  it('answers all pipelined requests', async () => {
    let draining;
    const served = {
      version: 1,
      infer(...images) {
        draining ??= app.drain();
        return model.infer(...images);
      },
    };
    await start({ quietMs: 60_000, shutdownMs: 120_000 }, { served });
    const { socket, ended } = await open(app);
    const one = Buffer.concat([Buffer.from(headersOf(PIXELS)), image]);
    socket.write(Buffer.concat([one, one, one]));
    const answers = await ended;
    expect(statusesOf(answers)).to.deep.equal([200, 200, 200]);
    expect(answers.split('connection: close')).to.have.length(2);
    expect(await draining).to.equal(0);
  });

  it('answers 503 at the deadline if a body is incomplete, and ends', async () => {
    await start({ shutdownMs: 600, lastWordsMs: 400, quietMs: 50 });
    const half = await open(app);
    half.socket.write(headersOf(2 * PIXELS, 'expect: 100-continue'));
    await half.received(/100 Continue/);
    half.socket.write(image);
    const silent = await open(app);
    const headers = await open(app);
    headers.socket.write('POST /predict HTTP/1.1\r\nhost:');
    const kept = await open(app);
    kept.socket.write(Buffer.concat([Buffer.from(headersOf(PIXELS)), image]));
    await kept.received(/\}\]\}$/);
    await app.drain();
    expect(statusesOf((await half.ended).replace(/HTTP\/1\.1 100 Continue/, ''))).to.deep.equal([503]);
    expect(await silent.ended).to.equal('');
    expect(await headers.ended).to.equal('');
    expect(statusesOf(await kept.ended)).to.deep.equal([200]);
  });

  it('answers 503 at the deadline if the answer takes longer', async () => {
    const training = { ...noTraining, stop: () => new Promise(() => undefined) };
    await start({ shutdownMs: 600, lastWordsMs: 400, quietMs: 50 }, { training });
    const { socket, ended } = await open(app);
    socket.write('DELETE /training HTTP/1.1\r\nhost: localhost\r\n\r\n');
    while (app.pendingRequests < 1) await new Promise(setImmediate);
    await app.drain();
    const answer = await ended;
    expect(statusesOf(answer)).to.deep.equal([503]);
    expect(answer).to.include('connection: close').and.to.include('shutting down');
  });

  it('destroys connections that do not read their answers', async () => {
    await start({ shutdownMs: 300, lastWordsMs: 200, quietMs: 50 });
    const { socket } = await open(app);
    socket.pause();
    const all = Buffer.concat([Buffer.from(headersOf(256 * PIXELS)), Buffer.alloc(256 * PIXELS)]);
    for (let i = 0; i < 100; i++) socket.write(all);
    while (app.pendingRequests < 1) await new Promise(setImmediate);
    await app.drain();
    socket.destroy();
  });
});
