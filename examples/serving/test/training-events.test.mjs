import { expect } from 'chai';
import { Curve } from '../curve.mjs';
import { LIMITS } from '../limits.mjs';
import { makeServer } from '../server.mjs';
import { ServedModel } from '../served-model.mjs';
import { open, statusesOf } from './sockets.mjs';
import { noTraining, saveModel, temporaryDirectory } from './support.mjs';

const REQUEST = 'GET /training/events HTTP/1.1\r\nhost: localhost\r\n\r\n';

/** The events in the received text of a chunked answer. */
const eventsOf = (text) => [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data));

describe('the events of a training', () => {
  const path = temporaryDirectory();
  let app;
  let training;
  let model;
  afterEach(() => app.close());

  async function start(limits = {}) {
    await saveModel(path('weights.npz'), 1);
    model = new ServedModel();
    await model.reload(path('weights.npz'));
    training = { ...noTraining, curve: new Curve(), status: { running: true, steps: 0 } };
    app = makeServer(model, training, path('weights.npz'), { ...LIMITS, ...limits });
    await app.listen({ port: 0 });
  }

  function trainSteps(count) {
    for (let i = 0; i < count; i++) {
      const steps = training.status.steps + 1;
      training.status = { running: true, steps, loss: 1 / steps, accuracy: 0.5 };
      training.curve.add(steps, 1 / steps, 0.5);
    }
  }

  async function follow() {
    const client = await open(app);
    client.socket.write(REQUEST);
    return client;
  }

  it('begin with the whole state, then contain what is new', async () => {
    await start();
    trainSteps(10);
    const { socket, received } = await follow();
    const [first] = eventsOf(await received(/data: .*\n\n/));
    expect(first.training).to.deep.equal(training.status);
    expect(first.weights).to.include({ version: 1 });
    expect(first.weights.file).to.include('weights.npz');
    expect(first.curve).to.deep.equal({ from: 0, rows: training.curve.rows });
    trainSteps(7);
    const [, second] = eventsOf(await received(/(data: [^]*){2}\n\n/));
    expect(second.training).to.deep.equal(training.status);
    expect(second.curve).to.deep.equal({ from: 2, rows: training.curve.rows.slice(2) });
    await app.inject({ method: 'POST', url: '/reload' });
    const [, , third] = eventsOf(await received(/(data: [^]*){3}\n\n/));
    expect(third.weights.version).to.equal(2);
    expect(third.curve).to.deep.equal({ from: 3, rows: [] });
    // Earlier rows change, so that all are sent again.
    training.curve.clear();
    trainSteps(5);
    const [, , , fourth] = eventsOf(await received(/(data: [^]*){4}\n\n/));
    expect(fourth.curve).to.deep.equal({ from: 0, rows: training.curve.rows });
    socket.destroy();
    while ((await app.inject('/status')).json().eventStreams > 0) await new Promise(setImmediate);
  });

  it('are refused with 503 if too many clients follow, until one leaves', async () => {
    await start({ eventStreams: 2 });
    const [one] = await Promise.all(
      [follow(), follow()].map(async (each) => {
        const client = await each;
        await client.received(/data: /);
        return client;
      }),
    );
    const refused = await app.inject('/training/events');
    expect(refused.statusCode).to.equal(503);
    expect(refused.headers['retry-after']).to.equal('1');
    expect(refused.json().error).to.include('at most 2 streams');
    one.socket.destroy();
    while ((await app.inject('/status')).json().eventStreams > 1) await new Promise(setImmediate);
    await (await follow()).received(/data: /);
  });

  it('are closed if a client does not read them', async () => {
    await start();
    training.status = { running: true, steps: 0, error: 'x'.repeat(1_000_000) };
    const { socket, received } = await follow();
    await received(/data: /);
    socket.pause();
    const closed = (async () => {
      while ((await app.inject('/status')).json().eventStreams > 0) {
        training.status = { ...training.status, steps: training.status.steps + 1 };
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await closed;
    socket.destroy();
  });

  it('end at once when the server shuts down', async () => {
    await start({ shutdownMs: 60_000, quietMs: 50 });
    const { received, ended } = await follow();
    await received(/data: /);
    const begin = performance.now();
    expect(await app.drain()).to.equal(0);
    expect(performance.now() - begin).to.be.below(20_000);
    const text = await ended;
    expect(statusesOf(text)).to.deep.equal([200]);
    expect(text).to.match(/\r\n0\r\n\r\n$/);
  });

  it('have no HEAD', async () => {
    await start();
    expect((await app.inject({ method: 'HEAD', url: '/training/events' })).statusCode).to.equal(404);
  });
});

describe('the files of the page', () => {
  const app = makeServer(new ServedModel(), noTraining, 'none.npz');
  after(() => app.close());

  it('refer to each other only, and nothing outside of the server', async () => {
    const seen = new Map();
    async function visit(url) {
      if (seen.has(url)) return;
      const { statusCode, headers, body } = await app.inject(url);
      expect(statusCode, url).to.equal(200);
      expect(headers['content-security-policy'])
        .to.include("default-src 'none'")
        .and.not.to.match(/unsafe|http|\*/);
      expect(headers['x-content-type-options']).to.equal('nosniff');
      seen.set(url, headers['content-type'].split(';')[0]);
      expect(body.replaceAll('http://www.w3.org/2000/svg', '')).not.to.match(/https?:|\/\/[a-z]+\.|@import/);
      const references = [...body.matchAll(/(?:src|href)="([^"]+)"|from '([^']+)'/g)].map(
        (match) => match[1] ?? match[2],
      );
      for (const reference of references) {
        if (!reference.startsWith('data:')) await visit(new URL(reference, `http://host${url}`).pathname);
      }
    }
    await visit('/');
    expect(Object.fromEntries(seen)).to.deep.equal({
      '/': 'text/html',
      '/page/style.css': 'text/css',
      ...Object.fromEntries(
        ['main', 'pad', 'digit', 'predictor', 'curves'].map((name) => [
          `/page/${name}.js`,
          'text/javascript',
        ]),
      ),
    });
  });

  it('are the only ones', async () => {
    for (const url of ['/page/index.html', '/page/../main.mjs', '/page/%2e%2e/main.mjs', '/page/']) {
      expect((await app.inject(url)).statusCode, url).to.equal(404);
    }
  });
});
