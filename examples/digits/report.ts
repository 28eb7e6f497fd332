import { CLASSES, imageAt, type Images } from './dataset.js';
import { integer, percent, table } from './format.js';
import { bestOf, LEARNING_RATES, type Trial } from './learning-rates.js';
import { draw, sideBySide } from './pictures.js';

/** What came of training one kind of network. */
export interface Result {
  readonly name: string;
  readonly trials: readonly Trial[];
  /** For each test image, the digit that the network of the best trial takes it for. */
  readonly predicted: Uint8Array;
}

const PICTURES = 3;

/** For each kind of network: how each learning rate did, and what the best one makes of test images. */
export function report(results: readonly Result[], test: Images, validationCount: number): string {
  return [
    `Accuracy on ${integer(validationCount)} validation images, by learning rate (* best)`,
    learningRateTable(results),
    '',
    `Test accuracy on ${integer(test.count)} images, each at its best learning rate`,
    testTable(results, test),
    '',
    'Misread test images of each digit',
    digitTable(results, test),
    ...misreadPictures(results[0], test),
  ].join('\n');
}

function learningRateTable(results: readonly Result[]): string {
  return table([
    ['', ...LEARNING_RATES.map((learningRate) => `${learningRate.toFixed(2)}  `)],
    ...results.map(({ name, trials }) => [
      name,
      ...trials.map((trial) => {
        if (!Number.isFinite(trial.last.loss)) return 'diverged  ';
        const mark = trial === bestOf(trials) ? '*' : ' ';
        return `${percent(trial.validationAccuracy, 2)} ${mark}`;
      }),
    ]),
  ]);
}

function testTable(results: readonly Result[], test: Images): string {
  return table(
    results.map(({ name, trials, predicted }) => {
      const misread = misreadIndices(predicted, test.labels).length;
      const { learningRate, last } = bestOf(trials);
      return [
        name,
        percent(1 - misread / test.count, 2),
        `lr ${learningRate.toFixed(2)}`,
        `${integer(misread)} misread`,
        `trained on ${integer(last.imagesPerSecond)} images/s`,
      ];
    }),
  );
}

function digitTable(results: readonly Result[], test: Images): string {
  const digits = Array.from({ length: CLASSES }, (_, digit) => digit);
  return table([
    ['', ...digits.map(String)],
    ...results.map(({ name, predicted }) => {
      const labels = misreadIndices(predicted, test.labels).map((i) => test.labels[i]);
      return [name, ...digits.map((digit) => integer(labels.filter((l) => l === digit).length))];
    }),
  ]);
}

function misreadPictures({ name, predicted }: Result, test: Images): string[] {
  const indices = misreadIndices(predicted, test.labels).slice(0, PICTURES);
  if (indices.length === 0) return [];
  const pictures = indices.map((i) => draw(imageAt(test, i), test.rows, test.columns));
  const titles = indices.map((i) => `${test.labels[i]}, read as ${predicted[i]}`);
  return ['', `Some that were misread ${name}`, '', sideBySide(pictures, titles)];
}

function misreadIndices(predicted: Uint8Array, labels: Uint8Array): number[] {
  return [...predicted.keys()].filter((i) => predicted[i] !== labels[i]);
}
