// The report of `npm start` in Chromium, run by `npm run check -- pages`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { makeNormalized } from '../../examples/digits/model.js';
import { type Network, type Outcome, type State, writePage } from '../../examples/digits/page.js';
import { Series } from '../../examples/digits/series.js';
import { normsOf } from '../../examples/digits/statistics.js';
import { TemporaryDirectory } from '../unit/examples/idx-files.js';
import { Chromium } from '../support/chromium.js';

const norms = normsOf(makeNormalized(Math.random));
const EPOCHS = 3;
const STEPS = 20;

function network(name: string): Network {
  const curve = new Series(3 + 2 * norms.length);
  const validation = new Series(3);
  for (let step = 1; step <= EPOCHS * STEPS; step++) {
    curve.add(step, 3 / step, 1 - 1 / step, ...norms.flatMap((_, i) => [(i + 1) / step, (i + 1) * step]));
    if (step % STEPS === 0) validation.add(step, 2 / step, 1 - 2 / step);
  }
  const trials = new Series(3);
  for (const rate of [0.01, 0.03, 0.1, 0.3]) trials.add(rate, 0.5, rate);
  const run = { curve, epochs: EPOCHS, stepsPerEpoch: STEPS, imagesPerSecond: 12_345 };
  return { name, trials, validation, learningRate: 0.01, run };
}

const IMAGES = 1000;
const outcome: Outcome = {
  predicted: [0, 1].map((shift) =>
    Uint8Array.from({ length: IMAGES }, (_, i) => (i * i + shift) % 10),
  ) as never,
  test: {
    ...{ count: IMAGES, rows: 28, columns: 28, pixels: new Uint8Array(IMAGES * 784) },
    labels: Uint8Array.from({ length: IMAGES }, (_, i) => i % 10),
  },
  times: ['0 Conv2D', '3.f.4 BatchNorm2D + sum + ReLU'].map((name) => ({
    name,
    forward: 12.25,
    backward: 123.5,
  })),
  timedImages: 64,
};
const state: State = {
  message: `Interrupted. Resume with npm start -- --resume ${'folder/'.repeat(30)}digits.npz`,
  running: false,
};

describe('the report in Chromium', function () {
  this.timeout(60_000);
  let directory: TemporaryDirectory;
  let chromium: Chromium;
  const urlOf = (content: Outcome | State, name: string) => {
    const file = join(directory.path, name);
    const networks = [network('with batch norm'), network('without batch norm')] as const;
    const facts = ['batchnorm: native backend', `${'folder/'.repeat(30)}: 24,000 to train with`];
    writeFileSync(file, writePage({ facts, networks, norms, outcome: content }));
    return pathToFileURL(file).href;
  };
  before(async () => {
    directory = new TemporaryDirectory();
    chromium = await Chromium.start();
  });
  after(async () => {
    await chromium.close();
    directory.remove();
  });

  for (const width of [1280, 800, 400, 320]) {
    it(`fits into a window of ${width} pixels, with one legible version of each chart`, async () => {
      for (const content of [outcome, state]) {
        await chromium.open(urlOf(content, 'report.html'), { width, height: 900 });
        expect(await chromium.overflow()).to.deep.equal({ width, widest: [] });
        const charts = await chromium.evaluate<readonly { lines: number; textHeight: number }[]>(`
          [...document.querySelectorAll('.chart')].flatMap((chart) =>
            [...chart.querySelectorAll('svg')].filter((svg) => svg.checkVisibility()).map((svg) => ({
              lines: svg.querySelectorAll('path[stroke^="var(--line"]').length,
              textHeight: Math.min(...[...svg.querySelectorAll('text')].map((text) =>
                parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)),
            })))`);
        expect(charts).to.have.length(4);
        for (const { lines, textHeight } of charts) {
          expect(lines).to.be.at.least(4);
          expect(textHeight).to.be.at.least(width < 360 ? 9 : 11);
        }
        expect(chromium.failures).to.deep.equal([]);
      }
    });
  }

  for (const scheme of ['light', 'dark'] as const) {
    it(`is ${scheme} if the system is, and every text contrasts with its background`, async () => {
      await chromium.open(urlOf(outcome, 'report.html'), { width: 1280, height: 900, scheme });
      const { paper, contrasts } = await chromium.evaluate<{
        readonly paper: number;
        readonly contrasts: readonly (readonly [text: string, contrast: number])[];
      }>(contrastsOfTexts);
      expect(paper < 0.5).to.equal(scheme === 'dark');
      expect(contrasts).to.have.length.above(200);
      // WCAG 2.2 asks for 4.5.
      expect(contrasts.filter(([, contrast]) => contrast < 4.5)).to.deep.equal([]);
    });
  }
});

/** Relative luminance and contrast as WCAG defines them. */
const contrastsOfTexts = `(() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const luminance = (color) => {
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return color === 'rgba(0, 0, 0, 0)' && element.parentElement ? backgroundOf(element.parentElement) : color;
  };
  const contrasts = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.data.trim();
    if (text === '' || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = luminance(element instanceof SVGElement ? style.fill : style.color);
    const ground = luminance(backgroundOf(element));
    contrasts.push([text, (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05)]);
  }
  return { paper: luminance(backgroundOf(document.body)), contrasts };
})()`;
