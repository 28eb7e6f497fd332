// The page in Chromium, run by `npm run check -- pages`.
import { expect } from 'chai';
import { glyphs } from '../../../dist-dev/examples/digits/glyphs.js';
import { toPolyline } from '../../../dist-dev/examples/digits/stroke.js';
import { Chromium } from '../../../dist-dev/test/support/chromium.js';
import { Server } from './server-process.mjs';
import { temporaryDirectory } from './support.mjs';

const desktop = { width: 1280, height: 900 };
const phone = { width: 400, height: 800, touch: true };

describe('the page in Chromium', function () {
  this.timeout(180_000);
  const path = temporaryDirectory();
  let server;
  let url;
  let chromium;
  before(async () => {
    server = new Server(
      ...['--checkpoint', path('none.npz'), '--trained', path('trained.npz')],
      // Of 64 images each.
      ...['--images', String(64 * 200), '--checkpoint-steps', '100'],
    );
    url = await server.url();
    chromium = await Chromium.start();
  });
  after(async () => {
    server?.kill('SIGKILL');
    await server?.ended;
    await chromium?.close();
  });

  const textOf = (id) => chromium.evaluate(`document.getElementById('${id}').textContent`);
  const click = (id) => chromium.evaluate(`document.getElementById('${id}').click()`);

  it('says how to get weights if there are none', async () => {
    await chromium.open(url, desktop);
    await draw(chromium, glyphs[3][0]);
    await chromium.waitFor(`document.getElementById('message').textContent.includes('no weights')`);
    // The answer 503.
    expect(chromium.failures.filter((each) => !each.includes('503'))).to.deep.equal([]);
  });

  it('shows the curves of a training run while it runs, and uses its weights', async () => {
    await chromium.open(url, phone);
    await chromium.evaluate(`document.getElementById('epochs').value = 1`);
    await click('start');
    const lengthOf = (id) => `(document.querySelector('#${id} polyline')?.points.length ?? 0)`;
    await chromium.waitFor(`${lengthOf('loss')} >= 2 && ${lengthOf('accuracy')} >= 2`, 60_000);
    expect(await textOf('progress')).to.match(/^Epoch 1 of 1, step [\d,]+: loss [\d.]+, accuracy [\d.]+ %$/);
    expect(await chromium.evaluate(`document.getElementById('start').disabled`)).to.equal(true);
    const before = await chromium.evaluate(lengthOf('loss'));
    await chromium.waitFor(`${lengthOf('loss')} > ${before}`, 60_000);
    await chromium.waitFor(`document.getElementById('progress').textContent.startsWith('Ended')`, 120_000);
    expect(await chromium.evaluate(lengthOf('loss'))).to.equal(40);
    await chromium.waitFor(
      `/^version 3, .*trained\\.npz$/.test(document.getElementById('version').textContent)`,
    );
    expect(chromium.failures).to.deep.equal([]);
    // The curve falls: its last point is lower on the screen than its first.
    const heights = await chromium.evaluate(
      `[...document.querySelector('#loss polyline').points].map(({ y }) => y)`,
    );
    expect(heights.at(-1)).to.be.above(heights[0] + 50);
  });

  for (const [name, view] of Object.entries({ 'a mouse': desktop, 'a finger': phone })) {
    it(`reads every digit drawn with ${name}, wherever and however large it is`, async () => {
      await chromium.open(url, view);
      for (const [digit, [glyph]] of glyphs.entries()) {
        for (const place of [
          { x: 0.5, y: 0.5, size: 0.7 },
          { x: 0.3, y: 0.65, size: 0.35 },
        ]) {
          await click('clear');
          await draw(chromium, glyph, { ...place, touch: view.touch });
          await chromium.waitFor(`document.getElementById('answer').textContent === '${digit}'`);
          const shown = await chromium.evaluate(
            `[...document.querySelectorAll('#bars .percent')].map(({ textContent }) => parseFloat(textContent))`,
          );
          expect(shown).to.have.length(10);
          expect(shown[digit]).to.equal(Math.max(...shown));
          expect(shown.reduce((sum, each) => sum + each)).to.be.closeTo(100, 1);
        }
      }
      await click('clear');
      expect(await textOf('answer')).to.equal('–');
      expect(chromium.failures).to.deep.equal([]);
    });
  }

  it('changes the probabilities while a line is drawn', async () => {
    await chromium.open(url, desktop);
    const { left, top, width } = await padBounds(chromium);
    const mouse = (type, x, y) =>
      chromium.send('Input.dispatchMouseEvent', {
        ...{ type, x: left + x * width, y: top + y * width },
        ...{ button: 'left', buttons: 1, clickCount: 1 },
      });
    await mouse('mousePressed', 0.5, 0.2);
    for (let y = 0.2; y < 0.8; y += 0.05) await mouse('mouseMoved', 0.5, y);
    // The button is still pressed.
    await chromium.waitFor(`document.getElementById('answer').textContent === '1'`);
    await mouse('mouseReleased', 0.5, 0.8);
  });

  for (const [name, view] of Object.entries({
    'a window of 1280 pixels': desktop,
    'a window of 700 pixels': { width: 700, height: 700 },
    'a phone': phone,
    'a small phone': { width: 320, height: 600, touch: true },
  })) {
    it(`fits into ${name}`, async () => {
      await chromium.open(url, view);
      await draw(chromium, glyphs[3][0], { touch: view.touch });
      await chromium.waitFor(`document.getElementById('answer').textContent === '3'`);
      await chromium.waitFor(`document.querySelector('#loss polyline') !== null`);
      expect(await chromium.overflow()).to.deep.equal({ width: view.width, widest: [] });
      // Texts are whole: those of the bars on one line, those of the curves inside of their picture.
      const cut = await chromium.evaluate(`[
        ...[...document.querySelectorAll('#bars .percent')].filter((each) => each.offsetHeight > 28),
        ...[...document.querySelectorAll('.curves text')].filter((each) => {
          const [text, svg] = [each, each.ownerSVGElement].map((one) => one.getBoundingClientRect());
          return text.left < svg.left || text.right > svg.right || text.bottom > svg.bottom;
        }),
      ].map(({ textContent }) => textContent)`);
      expect(cut).to.deep.equal([]);
      const narrowest = await chromium.evaluate(
        `Math.min(...[...document.querySelectorAll('.curves svg')].map((svg) => svg.clientWidth))`,
      );
      expect(narrowest).to.be.at.least(280);
      // Fingers need buttons of 44 pixels; texts are legible.
      const sizes = await chromium.evaluate(`({
        buttons: [...document.querySelectorAll('button, input')].map((each) => each.offsetHeight),
        fonts: [...document.querySelectorAll('main *')].map((each) => parseFloat(getComputedStyle(each).fontSize)),
      })`);
      expect(Math.min(...sizes.buttons)).to.be.at.least(44);
      expect(Math.min(...sizes.fonts)).to.be.at.least(12);
    });
  }

  it('shows the drawing and all probabilities of a phone without scrolling', async () => {
    await chromium.open(url, phone);
    const bottom = await chromium.evaluate(`document.getElementById('bars').getBoundingClientRect().bottom`);
    expect(bottom).to.be.at.most(phone.height);
  });

  it('is light or dark as the system is', async () => {
    const lightnessOf = async (scheme) => {
      await chromium.open(url, { ...desktop, scheme });
      const color = await chromium.evaluate('getComputedStyle(document.body).backgroundColor');
      return Math.max(...color.match(/\d+/g).map(Number));
    };
    expect(await lightnessOf('light')).to.be.above(200);
    expect(await lightnessOf('dark')).to.be.below(60);
  });
});

function padBounds(chromium) {
  return chromium.evaluate(`document.getElementById('pad').getBoundingClientRect().toJSON()`);
}

/** Draws a glyph with its middle at (x, y), both from 0 to 1 as `size`. */
async function draw(chromium, glyph, { x = 0.5, y = 0.5, size = 0.7, touch = false } = {}) {
  const { left, top, width } = await padBounds(chromium);
  const place = ([px, py]) => ({
    x: left + width * (x + (px - 0.5) * size),
    y: top + width * (y + (py - 0.5) * size),
  });
  // Commands are executed in order, so that there is no need to wait for each. Chromium may drop touches that come too fast,
  // though, and with them parts of the digit.
  const sent = [];
  const send = (kind, type, more) =>
    sent.push(chromium.send(`Input.dispatch${kind}Event`, { type, ...more }));
  for (const stroke of glyph) {
    const points = toPolyline(stroke).map(place);
    const [first, last] = [points[0], points.at(-1)];
    if (touch) {
      send('Touch', 'touchStart', { touchPoints: [first] });
      for (const point of points) {
        send('Touch', 'touchMove', { touchPoints: [point] });
        await sent.at(-1);
      }
      send('Touch', 'touchEnd', { touchPoints: [] });
    } else {
      const button = { button: 'left', clickCount: 1 };
      send('Mouse', 'mousePressed', { ...first, ...button });
      for (const point of points) send('Mouse', 'mouseMoved', { ...point, ...button, buttons: 1 });
      send('Mouse', 'mouseReleased', { ...last, ...button });
    }
  }
  await Promise.all(sent);
}
