// The routes, independent of files, signals and workers.
import fastify from 'fastify';
import { Budget, Busy, Shared } from './budget.mjs';
import { Connections } from './connections.mjs';
import { LIMITS } from './limits.mjs';
import { Metrics } from './metrics.mjs';
import { pageRoutes } from './page.mjs';
import { forUser } from './paths.mjs';
import { BadRequest, readBytes, readJson } from './read-images.mjs';
import { PictureReader } from './read-picture.mjs';
import { shorten, shown } from './shown.mjs';
import { TrainingEvents } from './training-events.mjs';

/**
 * @param model A ServedModel.
 * @param training Starts and stops a training run: a Trainer.
 * @param checkpoint The file that `POST /reload` loads.
 * @param limits The limits of limits.mjs.
 * @returns The application, with `listen` to start it and `drain` to end it.
 */
export function makeServer(model, training, checkpoint, limits = LIMITS) {
  const connections = new Connections(limits);
  const app = fastify({
    bodyLimit: limits.bodyBytes,
    logger: false,
    serverFactory: (handler) => connections.createServer(handler),
    clientErrorHandler: (error, socket) => connections.refuse(error, socket),
  });
  const metrics = new Metrics();
  const bodies = new Budget(limits.heldBodyBytes);
  const pictures = new PictureReader(limits);
  const weights = () => ({
    version: model.version,
    file: model.file === undefined ? null : forUser(model.file),
  });
  const events = new TrainingEvents(training, weights, limits.eventStreams);
  // Fastify's text parser would accept any text as an image.
  app.removeContentTypeParser('text/plain');
  const binary = ['application/octet-stream', PICTURE];
  app.addContentTypeParser(binary, { parseAs: 'buffer' }, (_, body, done) => {
    done(null, body);
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, limits));
  app.setNotFoundHandler((request, reply) => {
    reply.code(404).send({
      error: `Expected one of the routes ${routes} but received ${request.method} ${shorten(request.url)}`,
    });
  });
  app.decorateRequest('heldBody', null);
  // Memory is reserved before a body is read; the client is told immediately if there is none.
  app.addHook('onRequest', (request, reply, done) => {
    const bytes = announcedBytes(request.headers, limits.bodyBytes);
    // Fastify refuses a larger body without reading it.
    if (bytes === 0 || bytes > limits.bodyBytes) return done();
    const giveBack = bodies.tryTake(bytes);
    if (giveBack === undefined) return done(new Busy('Expected fewer simultaneous bodies: try again'));
    request.heldBody = new Shared(giveBack);
    connections.onEnd(request.raw, reply.raw, request.heldBody.hold());
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (connections.isLast(request.raw, reply.raw)) reply.header('connection', 'close');
    done(null, payload);
  });

  app.post(
    '/predict',
    {
      onResponse: (_, reply, done) => {
        metrics.countRequest(reply.elapsedTime, reply.statusCode);
        done();
      },
    },
    async (request, reply) => {
      // A waiting picture occupies memory even if its client has left.
      const letGo = request.heldBody?.hold();
      const { pixels, count } = await readImages(request, pictures).finally(letGo);
      if (model.version === 0) throw new NoWeights(checkpoint);
      const client = new AbortController();
      connections.onEnd(request.raw, reply.raw, () => client.abort(new ClientLeft()));
      const { version, probabilities } = await model.infer(pixels, count, client);
      return { version, predictions: probabilities.map(describe) };
    },
  );

  void app.register(pageRoutes);

  app.post('/reload', async () => ({ version: await reload(checkpoint) }));

  metrics.observe(model, {
    weights_version: ['Number of times that weights were loaded', () => model.version],
    plan_arena_bytes: ['Bytes of intermediate results', () => model.memory?.arena ?? 0],
    plan_weights_bytes: ['Bytes of weights', () => model.memory?.weights ?? 0],
    body_bytes: ['Bytes that are reserved for bodies', () => bodies.state.used],
    pictures_waiting: ['Pictures that wait for decoding', () => pictures.state.decodings.waiting],
    event_streams: ['Pages that follow a training', () => events.count],
    training_running: ['1 while a training runs', () => Number(training.status.running)],
    training_steps: ['Steps of the training', () => training.status.steps ?? 0],
  });
  app.get('/metrics', async (_, reply) =>
    reply.type(metrics.register.contentType).send(await metrics.register.metrics()),
  );
  app.get('/status', () => {
    const { samples, batches, queueLength } = model.statistics;
    return {
      ...weights(),
      ...metrics.report,
      images: samples,
      imagesPerPass: batches === 0 ? 0 : samples / batches,
      waitingImages: queueLength,
      bodyBytes: bodies.state,
      ...pictures.state,
      eventStreams: events.count,
      training: training.status,
    };
  });
  app.get('/healthz', (_, reply) => {
    reply.code(model.version === 0 ? 503 : 200).send({ version: model.version });
  });

  app.post('/training', (request, reply) => {
    const { epochs = 1, ...others } = request.body ?? {};
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) {
      throw new BadRequest(`Expected only the name epochs in the body but received ${shown(unknown)}`);
    }
    if (!Number.isSafeInteger(epochs) || epochs < 1) {
      throw new BadRequest(`Expected a positive integer for epochs but received ${shown(epochs)}`);
    }
    if (!training.start(epochs)) {
      reply.code(409).send({ error: 'Expected no running training but there is one' });
      return;
    }
    reply.code(202).send(training.status);
  });
  // A server with open streams would never close.
  app.addHook('preClose', (done) => {
    events.close();
    done();
  });
  app.get('/training', () => training.status);
  // HEAD would open a stream too.
  app.get('/training/events', { exposeHeadRoute: false }, (_, reply) => {
    events.open(reply.raw);
    reply.hijack();
  });
  app.delete('/training', async () => {
    await training.stop();
    return training.status;
  });

  /** Also called for signals and finished checkpoints. */
  async function reload(file) {
    try {
      const version = await model.reload(file);
      metrics.countReload(true);
      return version;
    } catch (error) {
      metrics.countReload(false);
      throw new ReloadFailed(error, model.version);
    }
  }
  app.decorate('reloadWeights', reload);
  /** Of prom-client, for further metrics. */
  app.decorate('metricsRegister', metrics.register);
  /** Number of requests whose headers have arrived and that have no answer yet. */
  app.decorate('pendingRequests', { getter: () => connections.pendingRequests });
  /** Ends the server as connections.mjs describes; returns the number of destroyed connections. */
  app.decorate('drain', async () => {
    events.close();
    const cut = await connections.drain();
    await app.close();
    return cut;
  });
  return app;
}

/** Content types that sharp can read. */
const PICTURE = /^image\//;

const routes =
  'GET /, POST /predict, POST /reload, GET /metrics, GET /status, GET /healthz, POST, GET and DELETE /training, GET /training/events';

async function readImages({ headers, body }, pictures) {
  if (PICTURE.test(headers['content-type'])) return { pixels: await pictures.read(body), count: 1 };
  return body instanceof Uint8Array ? readBytes(body) : readJson(body);
}

/** The announced length of a body; the maximum if it is not announced. */
function announcedBytes(headers, largest) {
  if (headers['transfer-encoding'] !== undefined) return largest;
  return Number(headers['content-length'] ?? 0);
}

function describe(probabilities) {
  const best = probabilities.reduce((max, p, i) => (p > probabilities[max] ? i : max), 0);
  return {
    digit: best,
    probability: probabilities[best],
    probabilities: Array.from(probabilities),
  };
}

/** The client ended its connection before its answer. Nobody reads this one, but it is counted; the code is nginx's. */
class ClientLeft extends Error {
  statusCode = 499;
  constructor() {
    super('The connection has ended');
  }
}

class NoWeights extends Error {
  statusCode = 503;
  constructor(checkpoint) {
    super(
      `There are no weights yet, because ${forUser(checkpoint)} does not exist. Run npm start in the repository, then POST /reload; or POST /training`,
    );
  }
}

class ReloadFailed extends Error {
  statusCode = 422;
  constructor(cause, version) {
    const then = version === 0 ? 'There are no weights yet' : `Version ${version} is still served`;
    super(`${cause.message}. ${then}`, { cause });
  }
}

function answerError(error, request, reply, limits) {
  const statusCode = error.statusCode ?? 500;
  if (error instanceof Busy) reply.header('retry-after', 1);
  else if (statusCode >= 500 && !(error instanceof NoWeights)) console.error(error);
  reply.code(statusCode).send({ error: explain(error, request, statusCode, limits) });
}

function explain(error, request, statusCode, limits) {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return `Expected the content type image/png or of another picture format, application/json or application/octet-stream but received ${shorten(request.headers['content-type'] ?? 'none')}`;
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return `Expected at most ${limits.bodyBytes} bytes in the body but received more`;
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return 'Expected a JSON object in the body but received nothing';
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return 'Expected JSON in the body but could not parse it';
    default:
      return statusCode >= 500 && error.statusCode === undefined ? 'Internal error' : error.message;
  }
}
