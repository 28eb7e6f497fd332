import { expect } from 'chai';
import type { Images } from '../../examples/digits/dataset.js';
import { table } from '../../examples/digits/format.js';
import { bestOf, LEARNING_RATES, type Trial } from '../../examples/digits/learning-rates.js';
import { Classifier } from '../../examples/digits/model.js';
import { draw, sideBySide } from '../../examples/digits/pictures.js';
import { progressLines } from '../../examples/digits/progress.js';
import { report } from '../../examples/digits/report.js';
import type { TrainingProgress } from '../../examples/digits/train.js';

const last: TrainingProgress = {
  epoch: 2,
  epochs: 2,
  step: 5,
  stepsPerEpoch: 5,
  loss: 0.12345,
  accuracy: 0.9876,
  imagesPerSecond: 12_345.6,
};

function trials(accuracies: readonly number[], losses: readonly number[] = []): Trial[] {
  const network = new Classifier(4, false, Math.random);
  return accuracies.map((validationAccuracy, i) => ({
    learningRate: LEARNING_RATES[i],
    network,
    validationAccuracy,
    last: { ...last, loss: losses[i] ?? last.loss },
  }));
}

describe('bestOf', () => {
  it('is the trial with the highest validation accuracy, the first of equal ones', () => {
    expect(bestOf(trials([0.5, 0.9, 0.9, 0.1])).learningRate).to.equal(LEARNING_RATES[1]);
  });
});

describe('report', () => {
  const test: Images = {
    count: 8,
    rows: 8,
    columns: 8,
    pixels: Uint8Array.from({ length: 8 * 64 }, (_, i) => i % 256),
    labels: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7),
  };
  const text = report(
    [
      {
        name: 'with',
        trials: trials([0.5, 0.75, 0.6, 0.1]),
        predicted: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 9),
      },
      {
        name: 'without',
        trials: trials([0.5, 0.4, 0.3, 0.1], [1, 1, 1, NaN]),
        predicted: Uint8Array.of(8, 8, 2, 3, 4, 5, 6, 7),
      },
    ],
    test,
    4_000,
  );
  const lines = text.split('\n').map((line) => line.trim().split(/\s{2,}/));

  it('shows every learning rate for both networks and marks the best', () => {
    expect(lines).to.deep.include(['0.01', '0.03', '0.10', '0.30']);
    expect(lines).to.deep.include(['with', '50.00 %', '75.00 % *', '60.00 %', '10.00 %']);
    expect(lines).to.deep.include(['without', '50.00 % *', '40.00 %', '30.00 %', 'diverged']);
  });

  it('shows test accuracies', () => {
    const speed = 'trained on 12,346 images/s';
    expect(lines).to.deep.include(['with', '87.50 %', 'lr 0.03', '1 misread', speed]);
    expect(lines).to.deep.include(['without', '75.00 %', 'lr 0.01', '2 misread', speed]);
  });

  it('counts the misread images of each digit', () => {
    expect(lines).to.deep.include(['with', ...'0 0 0 0 0 0 0 1 0 0'.split(' ')]);
    expect(lines).to.deep.include(['without', ...'1 1 0 0 0 0 0 0 0 0'.split(' ')]);
  });

  it('draws what the first network misread', () => {
    expect(text).to.include('misread with\n').and.to.include('7, ');
  });

  it('draws nothing where nothing was misread', () => {
    const perfect = { name: 'with', trials: trials([1]), predicted: test.labels };
    expect(report([perfect], test, 4_000)).not.to.include('Some');
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
  it('draws two rows of pixels as one of characters, without the margin', () => {
    const pixels = new Uint8Array(64).fill(10);
    pixels[2 * 8 + 2] = pixels[3 * 8 + 2] = 250; // both rows of a character
    pixels[2 * 8 + 3] = 250; // the upper one only
    expect(draw(pixels, 8, 8)).to.deep.equal(['█▒  ', '    ']);
  });

  it('draws an image of one grey as nothing', () => {
    expect(draw(new Uint8Array(64).fill(200), 8, 8)).to.deep.equal(['    ', '    ']);
  });

  it('puts pictures side by side under their titles', () => {
    const text = sideBySide([['██', '░░'], ['▓▓', '▒▒']], ['1', 'two']); // prettier-ignore
    expect(text).to.equal('  1   tw\n  ██  ▓▓\n  ░░  ▒▒');
  });

  it('of images too small for the margin are empty', () => {
    expect(sideBySide([draw(new Uint8Array(12), 4, 3)], ['1']).trim()).to.equal('');
  });
});

describe('progressLines', () => {
  it('writes one plain line for each epoch', () => {
    const written: string[] = [];
    const display = progressLines({ write: (text: string) => written.push(text) > 0 });
    display.begin('lr 0.10');
    for (const step of [1, 2, 3, 4, 5]) display.step({ ...last, step });
    display.end();
    expect(written).to.deep.equal([
      '  lr 0.10  epoch 2/2  loss 0.123  accuracy 98.8 %  12,346 images/s\n',
    ]);
  });
});
