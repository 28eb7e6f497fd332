import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import sharp from 'sharp';
import { Linear } from '../batchnorm.mjs';
import { CLASSES, PIXELS, SIZE } from '../network.mjs';
import { PictureReader } from '../read-picture.mjs';
import { ServedModel } from '../served-model.mjs';
import { makeServer } from '../server.mjs';
import { headersOf, open } from './sockets.mjs';
import {
  infer,
  noTraining,
  predict,
  predictJson,
  saveModel,
  someImages,
  temporaryDirectory,
} from './support.mjs';

describe('the server', () => {
  const path = temporaryDirectory();
  let model;
  let app;
  let trained;

  beforeEach(async () => {
    trained = await saveModel(path('weights.npz'), 1);
    model = new ServedModel();
    await model.reload(path('weights.npz'));
    app = makeServer(model, noTraining, path('weights.npz'));
  });
  afterEach(() => app.close());

  const images = someImages(3, 5);
  const rowsOf = (i) =>
    Array.from({ length: SIZE }, (_, row) => [
      ...images.subarray(i * PIXELS + row * SIZE, i * PIXELS + (row + 1) * SIZE),
    ]);

  /** Expects the network's own results for these images in the answer. */
  function expectAnswers(response, pixels, count, by = trained, version = 1) {
    expect(response.statusCode, response.body).to.equal(200);
    const { predictions, version: answered } = response.json();
    expect(answered).to.equal(version);
    expect(predictions).to.have.length(count);
    const expected = infer(by, pixels, count);
    predictions.forEach(({ digit, probability, probabilities }, i) => {
      expect(probabilities).to.have.length(CLASSES);
      probabilities.forEach((p, c) => expect(p).to.be.closeTo(expected[i][c], 1e-6));
      expect(probability).to.equal(Math.max(...probabilities));
      expect(probabilities[digit]).to.equal(probability);
    });
  }

  it('accepts one or several images as bytes', async () => {
    expectAnswers(await predict(app, images.subarray(0, PIXELS)), images.subarray(0, PIXELS), 1);
    expectAnswers(await predict(app, images), images, 3);
  });

  it('accepts JSON: flat, as rows, and several images', async () => {
    const first = images.subarray(0, PIXELS);
    expectAnswers(await predictJson(app, { image: [...first] }), first, 1);
    expectAnswers(await predictJson(app, { image: rowsOf(0) }), first, 1);
    const mixed = [rowsOf(0), [...images.subarray(PIXELS, 2 * PIXELS)], rowsOf(2)];
    expectAnswers(await predictJson(app, { images: mixed }), images, 3);
  });

  it('accepts pictures', async () => {
    const gray = { raw: { width: SIZE, height: SIZE, channels: 1 } };
    for (const format of ['png', 'jpeg', 'webp', 'gif']) {
      const picture = await sharp(images.subarray(0, PIXELS), gray).toFormat(format).toBuffer();
      const response = await predict(app, picture, `image/${format}`);
      expectAnswers(response, await new PictureReader().read(picture), 1);
    }
  });

  it('batches requests that arrive together, and answers each with its own result', async () => {
    const many = someImages(40, 6);
    const sizes = [1, 3, 1, 7, 20, 1, 7];
    const responses = [];
    let begin = 0;
    const parts = sizes.map((size) => many.subarray(begin * PIXELS, (begin += size) * PIXELS));
    for (const part of parts) responses.push(predict(app, part));
    for (const [i, response] of (await Promise.all(responses)).entries()) {
      expectAnswers(response, parts[i], sizes[i]);
    }
    const { images: count, imagesPerPass } = (await app.inject('/status')).json();
    expect(count).to.equal(40);
    expect(imagesPerPass).to.be.above(40 / sizes.length);
  });

  const blank = () =>
    sharp({ create: { width: 9, height: 9, channels: 3, background: '#123' } })
      .png()
      .toBuffer();
  const wrong = {
    'no body': [undefined, 'application/json', 'JSON object', 'nothing'],
    'invalid JSON': ['{"image": [', 'application/json', 'Expected JSON in the body'],
    'unknown names': ['{"picture": [1]}', 'application/json', '"image" or "images"', 'picture'],
    'image and images': ['{"image": [], "images": []}', 'application/json', 'image, images'],
    'an array': ['[1]', 'application/json', 'an array of length 1'],
    null: ['null', 'application/json', 'null'],
    'a text for an image': ['{"image": "x"}', 'application/json', 'for image', '"x"'],
    'too few numbers': ['{"image": [1, 2]}', 'application/json', '784 numbers for image', '2'],
    'too few rows': ['{"image": [[1]]}', 'application/json', '28 rows for image', '1'],
    'no array of images': ['{"images": {}}', 'application/json', 'an array for images', 'object'],
    'no images': ['{"images": []}', 'application/json', '1 to 256 images in images', '0'],
    'too few bytes for an image': [Buffer.alloc(783), undefined, 'images of 784 bytes', '783 bytes'],
    'no bytes': [Buffer.alloc(0), undefined, 'images of 784 bytes'],
    'a file that is not a picture': [Buffer.from('a text'), 'image/png', 'PNG, JPEG, WebP or GIF'],
    'an empty picture': [blank, 'image/png', 'a digit on the picture', 'one color'],
    'a drawing program': [
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      'image/svg+xml',
      'PNG, JPEG',
    ],
    'no picture': [Buffer.alloc(0), 'image/png', 'PNG, JPEG'],
    'too many images': [Buffer.alloc(257 * PIXELS), undefined, '1 to 256 images', '257'],
  };
  for (const [name, [body, type, ...parts]] of Object.entries(wrong)) {
    it(`refuses ${name} with 400`, async () => {
      const response = await predict(app, typeof body === 'function' ? await body() : body, type);
      expect(response.statusCode, response.body).to.equal(400);
      for (const part of parts) expect(response.json().error).to.include(part);
    });
  }

  it('names the invalid number', async () => {
    const rows = rowsOf(0);
    const refused = async (value, shown) => {
      rows[3][7] = value;
      const response = await predictJson(app, { images: [rowsOf(1), rows] });
      expect(response.statusCode).to.equal(400);
      expect(response.json().error).to.equal(
        `Expected a number from 0 to 255 for images[1][3][7] but received ${shown}`,
      );
    };
    await refused(256, '256');
    await refused(-1, '-1');
    await refused('7', '"7"');
    await refused(null, 'null');
    rows[3] = [1];
    const response = await predictJson(app, { image: rows });
    expect(response.json().error).to.equal('Expected 28 numbers for image[3] but received 1');
  });

  it('refuses other content types, sizes and routes', async () => {
    const text = await predict(app, 'x', 'text/plain');
    expect(text.statusCode).to.equal(415);
    for (const part of ['image/png', 'application/octet-stream', 'text/plain']) {
      expect(text.json().error).to.include(part);
    }
    const large = await predict(app, Buffer.alloc(11 * 1024 * 1024));
    expect(large.statusCode).to.equal(413);
    expect(large.json().error).to.include('at most 10485760 bytes');
    const nowhere = await app.inject('/nowhere');
    expect(nowhere.statusCode).to.equal(404);
    expect(nowhere.json().error).to.include('POST /predict').and.to.include('GET /nowhere');
  });

  it('reports metrics', async () => {
    for (let i = 0; i < 5; i++) await predict(app, images);
    await predictJson(app, {});
    const { latency, ...counts } = (await app.inject('/status')).json();
    expect(counts).to.deep.include({ requests: 6, errors: 1, images: 15, imagesPerPass: 3, version: 1 });
    const order = [latency.p50, latency.p90, latency['p97.5'], latency.p99, latency.max];
    expect(order).to.deep.equal([...order].sort((a, b) => a - b));
    expect(latency.p50).to.be.above(0);
  });

  it('exports metrics to Prometheus', async () => {
    for (let i = 0; i < 5; i++) await predict(app, images);
    await predictJson(app, {});
    await app.inject({ method: 'POST', url: '/reload' });
    const { headers, body } = await app.inject('/metrics');
    expect(headers['content-type']).to.match(/^text\/plain; version=0\.0\.4/);
    const valueOf = (name) => {
      const line = body.split('\n').find((each) => each.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.split(' ')[1]);
    };
    const expected = {
      'predict_requests_total{status="200"}': 5,
      'predict_requests_total{status="400"}': 1,
      predict_duration_seconds_count: 6,
      'reloads_total{result="succeeded"}': 1,
      'batches_total{size="3"}': 5,
      images_total: 15,
      queue_length: 0,
      weights_version: 2,
      body_bytes: 0,
      event_streams: 0,
      training_running: 0,
    };
    const found = Object.fromEntries(Object.keys(expected).map((name) => [name, valueOf(name)]));
    expect(found).to.deep.equal(expected);
    for (const name of [
      'plan_arena_bytes',
      'plan_weights_bytes',
      'predict_duration_seconds{quantile="0.99"}',
    ]) {
      expect(valueOf(name), name).to.be.above(0);
    }
    // Counters never fall, not even when they are read again or weights are replaced.
    await predict(app, images);
    const later = (await app.inject('/metrics')).body;
    expect(later).to.include('\nimages_total 18\n').and.to.include('\nbatches_total{size="3"} 6\n');
    const quantiles = [...later.matchAll(/^queue_latency_seconds\{quantile="([\d.]+)"\} (\S+)$/gm)].map(
      ([, quantile, value]) => [Number(quantile), Number(value)],
    );
    expect(quantiles.map(([quantile]) => quantile)).to.deep.equal([0.5, 0.9, 0.99]);
    const values = quantiles.map(([, value]) => value);
    expect(values).to.deep.equal([...values].sort((a, b) => a - b));
    expect(values[0]).to.be.within(1e-6, 10);
  });

  it('answers 503 if too many images wait', async () => {
    const small = new ServedModel({ waitingImages: 4 });
    await small.reload(path('weights.npz'));
    const server = makeServer(small, noTraining, path('weights.npz'));
    const refused = await predict(server, someImages(5, 1));
    expect(refused.statusCode).to.equal(503);
    expect(refused.headers['retry-after']).to.equal('1');
    expect(refused.json().error).to.include('4 waiting images');
    expect((await predict(server, someImages(4, 1))).statusCode).to.equal(200);
    await server.close();
    await small.close();
  });

  it('stops computing for a client that leaves', async () => {
    let signal;
    const slow = {
      version: 1,
      statistics: model.statistics,
      infer: (_pixels, _count, client) => {
        ({ signal } = client);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    };
    const server = makeServer(slow, noTraining, path('weights.npz'));
    await server.listen({ port: 0 });
    const { socket } = await open(server);
    socket.write(Buffer.concat([Buffer.from(headersOf(PIXELS)), someImages(1, 1)]));
    while (signal === undefined) await new Promise(setImmediate);
    expect(signal.aborted).to.equal(false);
    socket.destroy();
    while (!signal.aborted) await new Promise(setImmediate);
    while (server.pendingRequests > 0) await new Promise(setImmediate);
    await server.close();
  });

  it('answers 503 before weights are loaded', async () => {
    const empty = makeServer(new ServedModel(), noTraining, path('later.npz'));
    const response = await predict(empty, images);
    expect(response.statusCode).to.equal(503);
    expect(response.json().error).to.include('later.npz').and.to.include('npm start');
    const reload = await empty.inject({ method: 'POST', url: '/reload' });
    expect(reload.statusCode).to.equal(422);
    expect(reload.json().error).to.include('later.npz').and.to.include('no weights yet');
    expect((await empty.inject('/healthz')).statusCode).to.equal(503);
    expect((await app.inject('/healthz')).statusCode).to.equal(200);
    // Errors of the request take precedence.
    expect((await predictJson(empty, {})).statusCode).to.equal(400);
    await empty.close();
  });

  it('neither drops requests nor mixes weights during reloads', async () => {
    const networks = new Map([[1, trained]]);
    const pixels = someImages(1, 9);
    const answers = [];
    for (let version = 2; version <= 12; version++) {
      networks.set(version, await saveModel(path('weights.npz'), version));
      for (let i = 0; i < 10; i++) answers.push(predict(app, pixels));
      const reloading = app.inject({ method: 'POST', url: '/reload' });
      for (let i = 0; i < 10; i++) answers.push(predict(app, pixels));
      expect((await reloading).json()).to.deep.equal({ version });
    }
    const versions = new Set();
    for (const response of await Promise.all(answers)) {
      const { version } = response.json();
      expectAnswers(response, pixels, 1, networks.get(version), version);
      versions.add(version);
    }
    expect(versions.size).to.be.above(3);
  });

  it('shares one reload among calls during another reload', async () => {
    const reload = () => app.inject({ method: 'POST', url: '/reload' });
    const responses = await Promise.all([reload(), reload(), reload(), reload()]);
    const versions = responses.map((response) => response.json().version);
    expect(versions[0]).to.equal(2);
    expect(Math.max(...versions)).to.be.at.most(3);
    expect(model.version).to.equal(Math.max(...versions));
  });

  it('loads files in the order of the calls', async () => {
    await saveModel(path('other.npz'), 2);
    const files = ['weights', 'other', 'other', 'weights'].map((name) => path(`${name}.npz`));
    const versions = await Promise.all(files.map((file) => model.reload(file)));
    expect(versions).to.deep.equal([2, 3, 3, 4]);
    expect(model.file).to.equal(path('weights.npz'));
  });

  it('keeps the old weights if the new ones are damaged, missing or of another network', async () => {
    const pixels = someImages(1, 9);
    const refused = async (...parts) => {
      const response = await app.inject({ method: 'POST', url: '/reload' });
      expect(response.statusCode).to.equal(422);
      for (const part of parts) expect(response.json().error).to.include(part);
      expectAnswers(await predict(app, pixels), pixels, 1);
    };
    writeFileSync(path('weights.npz'), 'half a file');
    await refused('a zip archive', 'Version 1 is still served');
    await new Linear(2, 2).save(path('weights.npz'));
    await refused('0.weight.npy', 'none', 'Version 1 is still served');
    await trained.network.save(path('weights.npz'));
    await refused('input.size.npy', 'Version 1 is still served');
    await saveModel(path('weights.npz'), 1, 32);
    await refused('28 x 28', '32 x 32', 'Version 1 is still served');
    expect((await app.inject('/status')).json()).to.include({ reloads: 0, failedReloads: 4 });
  });
});
