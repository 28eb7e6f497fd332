// The routes. Knows nothing of files, signals and workers.
import fastify from 'fastify';
import { Batcher } from './batcher.mjs';
import { Metrics } from './metrics.mjs';
import { CLASSES } from './network.mjs';
import { forUser } from './paths.mjs';
import { BadRequest, readBytes, readJson } from './read-images.mjs';
import { readPicture } from './read-picture.mjs';

/** For a photograph. A request with the most images as JSON, every number with three digits and a comma, has 800 KB. */
const BODY_LIMIT = 10 * 1024 * 1024;

/**
 * @param model A ServedModel.
 * @param training Starts and stops a training: a Trainer.
 * @param checkpoint The file that `POST /reload` loads.
 * @returns The application, which listens when `listen` is called.
 */
export function makeServer(model, training, checkpoint) {
  const app = fastify({ bodyLimit: BODY_LIMIT, logger: false, forceCloseConnections: 'idle' });
  const metrics = new Metrics();
  const batcher = new Batcher(model, (images) => metrics.countBatch(images));
  // Would take any text for an image.
  app.removeContentTypeParser('text/plain');
  const binary = ['application/octet-stream', PICTURE];
  app.addContentTypeParser(binary, { parseAs: 'buffer' }, (_, body, done) => {
    done(null, body);
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => {
    reply.code(404).send({ error: `Expected one of the routes ${routes} but received ${request.method} ${request.url}` }); // prettier-ignore
  });

  app.post(
    '/predict',
    {
      onResponse: (_, reply, done) => {
        metrics.countRequest(reply.elapsedTime, reply.statusCode);
        done();
      },
    },
    async (request) => {
      const { pixels, count } = await readImages(request);
      if (model.version === 0) throw new NoWeights(checkpoint);
      const { version, probabilities } = await batcher.infer(pixels, count);
      const predictions = Array.from({ length: count }, (_, i) =>
        describe(probabilities.subarray(i * CLASSES, (i + 1) * CLASSES)),
      );
      return { version, predictions };
    },
  );

  app.post('/reload', async () => ({ version: await reload(checkpoint) }));

  app.get('/metrics', () => ({
    version: model.version,
    file: model.file === undefined ? null : forUser(model.file),
    ...metrics.report,
    training: training.status,
  }));
  app.get('/healthz', (_, reply) => {
    reply.code(model.version === 0 ? 503 : 200).send({ version: model.version });
  });

  app.post('/training', (request, reply) => {
    const { epochs = 1 } = request.body ?? {};
    if (!Number.isSafeInteger(epochs) || epochs < 1) {
      throw new BadRequest(`Expected a positive integer for epochs but received ${JSON.stringify(epochs)}`); // prettier-ignore
    }
    if (!training.start(epochs)) {
      reply.code(409).send({ error: 'Expected no training under way, but there is one' });
      return;
    }
    reply.code(202).send(training.status);
  });
  app.get('/training', () => training.status);
  app.delete('/training', async () => {
    await training.stop();
    return training.status;
  });

  /** Also for signals and finished checkpoints. */
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
  return app;
}

/** All pictures that sharp can read. */
const PICTURE = /^image\//;

const routes =
  'POST /predict, POST /reload, GET /metrics, GET /healthz, POST, GET and DELETE /training';

async function readImages({ headers, body }) {
  if (PICTURE.test(headers['content-type'])) return { pixels: await readPicture(body), count: 1 };
  return body instanceof Uint8Array ? readBytes(body) : readJson(body);
}

function describe(probabilities) {
  const best = probabilities.reduce((most, p, i) => (p > probabilities[most] ? i : most), 0);
  return {
    digit: best,
    probability: probabilities[best],
    probabilities: Array.from(probabilities),
  };
}

class NoWeights extends Error {
  statusCode = 503;
  constructor(checkpoint) {
    super(`There are no weights yet: there was no ${forUser(checkpoint)}. Run npm start in the repository, then POST /reload; or POST /training`); // prettier-ignore
  }
}

class ReloadFailed extends Error {
  statusCode = 422;
  constructor(cause, version) {
    const then = version === 0 ? 'There are no weights yet' : `Version ${version} goes on`;
    super(`${cause.message}. ${then}`, { cause });
  }
}

function answerError(error, request, reply) {
  const statusCode = error.statusCode ?? 500;
  if (statusCode >= 500 && !(error instanceof NoWeights)) console.error(error);
  reply.code(statusCode).send({ error: explain(error, request, statusCode) });
}

function explain(error, request, statusCode) {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return `Expected the content type image/png or another picture's, application/json or application/octet-stream but received ${request.headers['content-type'] ?? 'none'}`;
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return `Expected at most ${BODY_LIMIT} bytes in the body but received more`;
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return 'Expected a JSON object in the body but received nothing';
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return 'Expected JSON in the body but received what is none';
    default:
      return statusCode >= 500 && error.statusCode === undefined ? 'Internal error' : error.message;
  }
}
