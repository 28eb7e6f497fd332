import { crc32, deflateSync } from 'node:zlib';
import { expect } from 'chai';
import sharp from 'sharp';
import { LIMITS } from '../limits.mjs';
import { PIXELS } from '../network.mjs';
import { makeServer } from '../server.mjs';
import { ServedModel } from '../served-model.mjs';
import { headersOf, open, statusesOf } from './sockets.mjs';
import { noTraining, predict, predictJson, saveModel, someImages, temporaryDirectory } from './support.mjs';

describe('the limits of the server', () => {
  const path = temporaryDirectory();
  let app;
  afterEach(() => app.close());

  async function start(limits, training = noTraining) {
    await saveModel(path('weights.npz'), 1);
    const model = new ServedModel();
    await model.reload(path('weights.npz'));
    app = makeServer(model, training, path('weights.npz'), { ...LIMITS, ...limits });
  }
  const metrics = async () => (await app.inject('/status')).json();

  it('reserves memory for few bodies at once, and releases that of bodies that do not arrive', async () => {
    const length = 128 * PIXELS;
    await start({ heldBodyBytes: 10.5 * length, requestMs: 4000, headersMs: 4000, checkMs: 50 });
    await app.listen({ port: 0 });
    const clients = await Promise.all(Array.from({ length: 100 }, () => open(app)));
    for (const { socket } of clients) {
      socket.write(headersOf(length));
      socket.write(Buffer.alloc(0.9 * length));
    }
    // The others are refused immediately. Their clients keep sending; the data is discarded.
    let refused = 0;
    const answers = clients.map(({ received }) =>
      received(/\r\n\r\n/).then((text) => {
        const [status] = statusesOf(text);
        if (status === 503) refused++;
        return { status, text };
      }),
    );
    const results = await Promise.all(answers);
    expect(refused).to.equal(90);
    for (const { status, text } of results) {
      expect(status).to.equal(text.includes('retry-after: 1') ? 503 : 408);
    }
    // No body is kept in memory.
    for (const { ended } of clients) expect(statusesOf(await ended)).to.have.length(1);
    const { bodyBytes } = await metrics();
    expect(bodyBytes).to.deep.equal({ used: 0, peak: 10 * length, waiting: 0 });
    expect((await predict(app, someImages(1, 1))).statusCode).to.equal(200);
  });

  it('reserves the maximum for a body of unknown length', async () => {
    await start({ heldBodyBytes: LIMITS.bodyBytes });
    await app.listen({ port: 0 });
    const chunked = { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' };
    const answer = await app.inject({
      method: 'POST',
      url: '/predict',
      headers: chunked,
      payload: Buffer.alloc(PIXELS),
    });
    expect(answer.statusCode).to.equal(200);
    expect((await metrics()).bodyBytes).to.include({ used: 0, peak: LIMITS.bodyBytes });
  });

  it('releases memory after answers of every kind and after clients leave', async () => {
    await start({});
    await predict(app, someImages(3, 1));
    await predict(app, Buffer.alloc(5));
    await predictJson(app, { image: 'x' });
    await app.inject({ method: 'POST', url: '/nowhere', payload: 'x' });
    await app.listen({ port: 0 });
    const { socket, received } = await open(app);
    socket.write(headersOf(2 * PIXELS, 'expect: 100-continue'));
    await received(/100 Continue/);
    expect((await metrics()).bodyBytes.used).to.equal(2 * PIXELS);
    socket.destroy();
    while ((await metrics()).bodyBytes.used > 0) await new Promise(setImmediate);
  });

  it('releases the memory of a request that waits for an earlier one when the client leaves', async () => {
    const training = { ...noTraining, stop: () => new Promise(() => undefined) };
    await start({}, training);
    await app.listen({ port: 0 });
    const { socket } = await open(app);
    socket.write('DELETE /training HTTP/1.1\r\nhost: localhost\r\n\r\n');
    socket.write(Buffer.concat([Buffer.from(headersOf(PIXELS)), someImages(1, 1)]));
    while ((await metrics()).bodyBytes.used < PIXELS) await new Promise(setImmediate);
    socket.destroy();
    while ((await metrics()).bodyBytes.used > 0) await new Promise(setImmediate);
  });

  it('counts waiting pictures although their clients have left', async () => {
    // The limit is below any picture, so all wait.
    await start({ decodedPixels: 1 });
    await app.listen({ port: 0 });
    const picture = await progressivePicture(100, 100);
    const clients = await Promise.all(Array.from({ length: 5 }, () => open(app)));
    for (const { socket } of clients) {
      const headers = headersOf(picture.length).replace('application/octet-stream', 'image/jpeg');
      socket.write(Buffer.concat([Buffer.from(headers), picture]));
    }
    while ((await metrics()).decodings.waiting < 3) await new Promise(setImmediate);
    for (const { socket } of clients) socket.destroy();
    while (app.pendingRequests > 0) await new Promise(setImmediate);
    expect((await metrics()).bodyBytes.used).to.equal(5 * picture.length);
  });

  it('closes connections that send nothing or incomplete headers', async () => {
    await start({ headersMs: 200, requestMs: 400, checkMs: 50 });
    await app.listen({ port: 0 });
    const silent = await open(app);
    const halfway = await open(app);
    halfway.socket.write('POST /predict HTTP/1.1\r\nhost: local');
    expect(statusesOf(await silent.ended)).to.deep.equal([408]);
    expect(statusesOf(await halfway.ended)).to.deep.equal([408]);
  });

  it('answers 400 to malformed requests', async () => {
    await start({});
    await app.listen({ port: 0 });
    const { socket, ended } = await open(app);
    socket.write('what?\r\n\r\n');
    expect(statusesOf(await ended)).to.deep.equal([400]);
  });

  it('decodes few pictures at once and does not delay reloads', async () => {
    const [width, height] = [2000, 1500];
    await start({ decodings: 2, decodedPixels: 1.5 * width * height });
    const picture = await progressivePicture(width, height);
    let answered = 0;
    const answers = Array.from({ length: 32 }, async () => {
      const { statusCode } = await predict(app, picture, 'image/jpeg');
      answered++;
      return statusCode;
    });
    expect((await app.inject({ method: 'POST', url: '/reload' })).statusCode).to.equal(200);
    expect(answered).to.be.below(32);
    expect(new Set(await Promise.all(answers))).to.deep.equal(new Set([200]));
    const { decodings, pixels, bodyBytes } = await metrics();
    expect(bodyBytes.used).to.equal(0);
    expect(decodings).to.deep.equal({ used: 0, peak: 2, waiting: 0 });
    // Two at once would have doubled the peak.
    expect(pixels).to.deep.equal({ used: 0, peak: width * height, waiting: 0 });
  });

  it('leaves threads of libuv free by default', () => {
    expect(LIMITS.decodings).to.be.below(Number(process.env.UV_THREADPOOL_SIZE ?? 4));
    expect(LIMITS.picturePixels).to.be.at.most(LIMITS.decodedPixels);
  });

  it('answers 503 if too many pictures wait', async () => {
    await start({ decodings: 1, waitingPictures: 2 });
    const picture = await progressivePicture(300, 300);
    const answers = await Promise.all(Array.from({ length: 8 }, () => predict(app, picture, 'image/jpeg')));
    const codes = answers.map(({ statusCode }) => statusCode).sort();
    expect(codes).to.deep.equal([200, 200, 200, 503, 503, 503, 503, 503]);
    const busy = answers.find(({ statusCode }) => statusCode === 503);
    expect(busy.headers['retry-after']).to.equal('1');
    expect(busy.json().error).to.include('pictures');
  });

  for (const [width, height] of [
    [1, 50_000_000],
    [50_000_000, 1],
    [10_001, 1],
    [9_000, 9_000],
  ]) {
    it(`refuses a picture of ${width} x ${height} pixels before decoding it`, async () => {
      await start({});
      const answer = await predict(app, pngOf(width, height), 'image/png');
      expect(answer.statusCode, answer.body).to.equal(400);
      expect(answer.json().error).to.equal(
        `Expected a picture of at most 10000 x 10000 and 50000000 pixels but received ${width} x ${height}`,
      );
      const { pixels, decodings } = await metrics();
      expect(pixels.peak).to.equal(0);
      expect(decodings).to.deep.equal({ used: 0, peak: 1, waiting: 0 });
    });
  }

  const long = 'x'.repeat(1_000_000);
  const echoes = {
    'the name of a property': () => predictJson(app, { [long]: 1 }),
    'many names': () =>
      predictJson(app, Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}${long}`, 1]))),
    'the name of a property within': () => predictJson(app, { image: { [long]: 1 } }),
    'a text': () => predictJson(app, { image: long }),
    'a route': () => app.inject(`/${long.slice(0, 10_000)}`),
    'a content type': () => predict(app, 'x', `text/${long.slice(0, 10_000)}`),
    epochs: () => app.inject({ method: 'POST', url: '/training', payload: { epochs: long } }),
    'epochs in an object': () =>
      app.inject({ method: 'POST', url: '/training', payload: { epochs: { [long]: [long] } } }),
  };
  for (const [name, send] of Object.entries(echoes)) {
    it(`quotes the start of ${name} of any length`, async () => {
      await start({});
      const answer = await send();
      expect(answer.statusCode).to.be.within(400, 499);
      expect(answer.body.length).to.be.below(500);
      expect(answer.body).to.include('...');
    });
  }
});

/** A dark rectangle on white. */
function progressivePicture(width, height) {
  const pixels = Buffer.alloc(width * height, 255);
  for (let y = height >> 2; y < 3 * (height >> 2); y++) {
    pixels.fill(0, y * width + (width >> 2), y * width + (width >> 1));
  }
  return sharp(pixels, { raw: { width, height, channels: 1 } })
    .jpeg({ progressive: true })
    .toBuffer();
}

/** The header of a grayscale PNG with the given size. */
function pngOf(width, height) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits per value; grayscale
  const parts = [
    ['IHDR', header],
    ['IDAT', deflateSync(Buffer.alloc(100))],
    ['IEND', Buffer.alloc(0)],
  ];
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    ...parts.map(([name, data]) => chunkOf(name, data)),
  ]);
}

function chunkOf(name, data) {
  const chunk = Buffer.alloc(data.length + 12);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(name, 4, 'latin1');
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), data.length + 8);
  return chunk;
}
