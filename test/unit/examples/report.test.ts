import { decode } from 'fast-png';
import { expect } from 'chai';
import type { Images } from '../../../examples/digits/dataset.js';
import { table } from '../../../examples/digits/format.js';
import { writePage } from '../../../examples/digits/page.js';
import { draw, sideBySide } from '../../../examples/digits/pictures.js';
import { barLine, duration, progressLines } from '../../../examples/digits/progress.js';
import { report, type Result } from '../../../examples/digits/report.js';
import { Series } from '../../../examples/digits/series.js';
import type { TrainingProgress } from '../../../examples/digits/train.js';

const last: TrainingProgress = {
  epoch: 2,
  epochs: 2,
  step: 5,
  stepsPerEpoch: 5,
  loss: 0.12345,
  accuracy: 0.9876,
  imagesPerSecond: 12_345.6,
  secondsLeft: 0,
};

function series(rows: readonly (readonly number[])[]): Series {
  const filled = new Series(rows[0].length);
  for (const row of rows) filled.add(...row);
  return filled;
}

function result(name: string, learningRate: number, predicted: number[], loss = 0.5): Result {
  const contestant = {
    name,
    learningRate,
    trials: series([[learningRate, 0.5, 1.5]]),
    validation: series([[5, loss, 0.8]]),
    run: {
      curve: series([
        [1, 2.3, 0.1, 0, 1],
        [5, loss, 0.75, 0.5, 1.5],
      ]),
      epochs: 1,
      imagesPerSecond: 12_345.6,
      stepsPerEpoch: 5,
    },
  };
  return { contestant, predicted: Uint8Array.from(predicted) };
}

const test: Images = {
  count: 8,
  rows: 8,
  columns: 8,
  pixels: Uint8Array.from({ length: 8 * 64 }, (_, i) => i % 251),
  labels: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7),
};
const results = [
  result('with', 0.03, [0, 1, 2, 3, 4, 5, 6, 9]),
  result('without', 0.01, [8, 8, 2, 3, 4, 5, 6, 7], NaN),
] as const;

describe('report', () => {
  const text = report(results, test);
  const lines = text.split('\n').map((line) => line.trim().split(/\s{2,}/));

  it('shows test accuracies', () => {
    const speed = 'trained on 12,346 images/s';
    expect(lines).to.deep.include(['with', '87.50 %', 'lr 0.03', '1 misread', speed]);
    expect(lines).to.deep.include(['without', '75.00 %', 'lr 0.01', '2 misread', speed]);
  });

  it('counts the misread images of each digit', () => {
    expect(lines).to.deep.include(['with', ...'0 0 0 0 0 0 0 1 0 0'.split(' ')]);
    expect(lines).to.deep.include(['without', ...'1 1 0 0 0 0 0 0 0 0'.split(' ')]);
  });

  it('draws images that the first network misread', () => {
    expect(text).to.include('misread by the network with\n').and.to.include('7, ');
  });

  it('draws nothing if nothing was misread', () => {
    const perfect = result('with', 0.1, [...test.labels]);
    expect(report([perfect], test)).not.to.include('Some');
  });
});

describe('writePage', () => {
  const networks = [results[0].contestant, results[1].contestant] as const;
  const outcome = {
    predicted: [results[0].predicted, results[1].predicted],
    test,
    times: [{ name: '0 Conv2D', forward: 0.25, backward: 0.5 }],
    timedImages: 64,
  } as const;
  const page = writePage({ facts: ['1 < 2'], networks, norms: ['1'], outcome });

  it('has a chart of each measurement, for wide and for narrow windows', () => {
    // Loss, accuracy, means, variances; a diverged network is drawn too.
    expect(page.match(/<svg /g)).to.have.length(2 * 4);
    for (const text of ['with, training', 'without, validation', '0 Conv2D', '0.25 + 0.50 ms', '87.50 %']) {
      expect(page).to.include(text);
    }
    expect(page).not.to.match(/NaN|undefined/);
  });

  it('has a confusion matrix of each network', () => {
    const matrices = [...page.matchAll(/<table class="confusion">([^]*?)<\/table>/g)].map(([, matrix]) =>
      matrix.split('<tr>').slice(2),
    );
    const countsOf = (row: string) =>
      [...row.matchAll(/<td[^>]*>(\d+)<\/td>/g)].map(([, count]) => Number(count));
    expect(matrices).to.have.length(2);
    const expected = results.map(({ predicted }) =>
      Array.from({ length: 10 }, (_, digit) =>
        Array.from({ length: 10 }, (_, read) => Number(digit < 8 && predicted[digit] === read)),
      ),
    );
    expect(matrices.map((rows) => rows.map(countsOf))).to.deep.equal(expected);
    expect(page.match(/class="wrong"/g)).to.have.length(1 + 2);
  });

  it('uses only colors that its style sheet defines for light and for dark', () => {
    const names = new Set([...page.matchAll(/var\((--[\w-]+)\)/g)].map(([, name]) => name));
    for (const name of ['--color', '--share']) names.delete(name); // set by the elements that use them
    expect(names).to.include('--line-0').and.to.include('--muted');
    for (const name of names) expect(page.match(new RegExp(`${name}: #`, 'g')), name).to.have.length(2);
    const [, body] = page.replaceAll(/base64,[^"]*|<clipPath[^]*?<\/clipPath>/g, '').split('<body>');
    expect(body).not.to.match(/#[\da-f]{3,6}\b|rgb/i);
  });

  it('shows an incomplete training run, and reloads itself while it runs', () => {
    const nothing = { ...networks[1], trials: new Series(3), validation: new Series(3) };
    const run = { ...nothing.run, curve: new Series(5), imagesPerSecond: NaN };
    const incomplete = (running: boolean) =>
      writePage({
        facts: [],
        networks: [networks[0], { ...nothing, learningRate: NaN, run }],
        norms: ['1'],
        outcome: { message: 'Epoch 1 of <3>', running },
      });
    expect(incomplete(true)).to.include('http-equiv="refresh"').and.to.include('Epoch 1 of &#60;3&#62;');
    for (const text of [incomplete(false), page]) expect(text).not.to.include('http-equiv="refresh"');
    expect(incomplete(true).match(/<svg /g)).to.have.length(2 * 4);
    expect(incomplete(true))
      .to.include('80.00 %')
      .and.not.to.match(/NaN|undefined|test accuracy|Confusions/);
  });

  it('refers to no other file and no URL', () => {
    expect(page).not.to.match(/<script|<link|@import/);
    const sources = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, source]) => source);
    for (const source of sources) expect(source).to.match(/^(data:|#)/);
    expect(page).to.include('1 &#60; 2');
  });

  it('shows the misread images', () => {
    const [[, png]] = [...page.matchAll(/data:image\/png;base64,([^"]*)"/g)];
    const { width, height, channels, data } = decode(Buffer.from(png, 'base64'));
    expect([width, height, channels]).to.deep.equal([8, 8, 1]);
    expect([...data]).to.deep.equal([...test.pixels.subarray(7 * 64)]);
    expect(page).to.include('7 read as 9').and.not.to.include('0 read as 8');
  });
});

describe('table', () => {
  it('aligns the first column to the left and the others to the right', () => {
    const text = table([
      ['a', '1', '22'],
      ['bbb', '333', '4'],
    ]);
    expect(text).to.equal('  a      1  22\n  bbb  333   4');
  });
});

describe('pictures', () => {
  it('draws two rows of pixels as one row of characters, without the margin', () => {
    const pixels = new Uint8Array(64).fill(10);
    pixels[2 * 8 + 2] = pixels[3 * 8 + 2] = 250; // both rows of a character
    pixels[2 * 8 + 3] = 250; // the upper one only
    expect(draw(pixels, 8, 8)).to.deep.equal(['█▒  ', '    ']);
  });

  it('draws a uniform image as nothing', () => {
    expect(draw(new Uint8Array(64).fill(200), 8, 8)).to.deep.equal(['    ', '    ']);
  });

  it('draws pictures side by side under their titles', () => {
    const text = sideBySide(
      [
        ['██', '░░'],
        ['▓▓', '▒▒'],
      ],
      ['1', 'two'],
    );
    expect(text).to.equal('  1   tw\n  ██  ▓▓\n  ░░  ▒▒');
  });

  it('draws nothing for images smaller than the margin', () => {
    expect(sideBySide([draw(new Uint8Array(12), 4, 3)], ['1']).trim()).to.equal('');
  });
});

describe('progressLines', () => {
  it('writes one plain line for each epoch', () => {
    const written: string[] = [];
    const display = progressLines({ write: (text: string) => written.push(text) > 0 });
    for (const step of [1, 2, 3, 4, 5]) display.step({ ...last, step });
    display.end();
    expect(written).to.deep.equal(['  epoch 2/2  loss 0.123  accuracy 98.8 %  12,346 images/s\n']);
  });
});

describe('duration', () => {
  it('is in seconds, with minutes if it is longer', () => {
    expect([0, 0.2, 59.5, 60, 61, 125].map(duration)).to.deep.equal([
      '0 s',
      '1 s',
      '1 min 0 s',
      '1 min 0 s',
      '1 min 1 s',
      '2 min 5 s',
    ]);
  });
});

describe('Series', () => {
  it('refuses rows of a different width', () => {
    expect(() => new Series(2).add(1)).to.throw(RangeError, 'Expected 2 numbers');
  });
});

describe('barLine', () => {
  const texts = {
    epoch: '2/3',
    loss: '0.450',
    accuracy: '84.0 %',
    speed: '4,148',
    left: '1 min 20 s',
  };

  it('shows everything if there is space', () => {
    expect(barLine(texts, 0.25, 120)).to.equal(
      `  epoch 2/3  ${'█'.repeat(5)}${'░'.repeat(15)}  loss 0.450  accuracy 84.0 %  4,148 images/s  1 min 20 s left`,
    );
    expect(barLine(texts, 1, 120))
      .to.include('█'.repeat(20))
      .and.not.to.include('░');
  });

  it('fits into every terminal, leaving out words first', () => {
    for (let columns = 1; columns <= 120; columns++) {
      expect(barLine(texts, 0.5, columns), `${columns} columns`).to.have.length.below(columns);
    }
    for (const word of ['█', '0.450', '84.0 %', '4,148/s', '1 min 20 s left']) {
      expect(barLine(texts, 0.5, 80)).to.include(word);
    }
    for (const word of ['█', '0.450', '84.0 %', '1 min 20 s left']) {
      expect(barLine(texts, 0.5, 60)).to.include(word);
    }
  });
});
