import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { Chromium } from '../support/chromium.js';
import { packagePath } from '../support/package-path.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

// Where BATCHNORM_SCREENSHOTS names a folder, screenshots go there to be looked at.
const folder = process.env.BATCHNORM_SCREENSHOTS;

/** Strokes of a seven on the canvas, in hundredths of its size. */
const seven = [
  [25, 20],
  [75, 20],
  [50, 52],
  [40, 85],
] as const;

describe('the page that trains digits in the browser', function () {
  this.timeout(600_000);
  const path = temporaryDirectory();
  let server: Server;
  let chromium: Chromium;
  let url: string;

  before(async () => {
    const file = path('index.html');
    execFileSync(process.execPath, [packagePath('tools/build/digits-page.mjs'), file], {
      cwd: packagePath(),
    });
    const html = readFileSync(file);
    server = createServer((request, response) => {
      const found = request.url === '/';
      response.writeHead(found ? 200 : 404, { 'content-type': 'text/html' }).end(found ? html : undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    chromium = await Chromium.start();
  });

  after(async () => {
    await chromium?.close();
    server?.close();
  });

  async function screenshot(name: string): Promise<void> {
    if (folder) writeFileSync(`${folder}/${name}.png`, await chromium.screenshot());
  }

  async function draw(points: readonly (readonly [number, number])[]): Promise<void> {
    const box = await chromium.evaluate<{ x: number; y: number; width: number }>(`(() => {
      const canvas = document.getElementById('canvas');
      canvas.scrollIntoView({ block: 'center' });
      const { x, y, width } = canvas.getBoundingClientRect();
      return { x, y, width };
    })()`);
    const send = (type: string, [x, y]: readonly [number, number]) =>
      chromium.send('Input.dispatchMouseEvent', {
        ...{ type, button: 'left', buttons: 1, clickCount: 1 },
        ...{ x: box.x + (x / 100) * box.width, y: box.y + (y / 100) * box.width },
      });
    await send('mousePressed', points[0]);
    for (const point of points.slice(1)) await send('mouseMoved', point);
    await send('mouseReleased', points[points.length - 1]);
  }

  it('trains to 95 % on WebAssembly and reads a drawn digit', async () => {
    await chromium.open(url, { width: 1280, height: 1000 });
    await chromium.waitFor(`document.getElementById('backend').textContent.includes('wasm128')`, 60_000);
    await chromium.waitFor(`Number(document.body.dataset.accuracy) >= 0.95`, 480_000);
    await draw(seven);
    await chromium.waitFor(`document.body.dataset.prediction === '7'`, 30_000);
    await screenshot('digits-trained');
    expect(await chromium.evaluate(`document.querySelectorAll('#confusion tbody tr').length`)).to.equal(10);
    expect(chromium.failures).to.deep.equal([]);
  });

  for (const width of [1280, 400]) {
    for (const scheme of ['light', 'dark'] as const) {
      it(`fits a window of ${width} pixels, ${scheme}`, async () => {
        await chromium.open(url, { width, height: 1000, scheme });
        await chromium.waitFor(`document.body.dataset.accuracy !== undefined`, 120_000);
        await draw(seven);
        await chromium.waitFor(`document.body.dataset.prediction !== undefined`, 30_000);
        await screenshot(`digits-${width}-${scheme}`);
        const { width: content, widest } = await chromium.overflow();
        expect(content, widest.join()).to.equal(width);
      });
    }
  }
});
