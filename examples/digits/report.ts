import type { Contestant } from './contestant.js';
import { CLASSES, imageAt, type Images } from './dataset.js';
import { integer, percent, table } from './format.js';
import { draw, sideBySide } from './pictures.js';

/** The result of training one of the networks. */
export interface Result {
  readonly contestant: Pick<Contestant, 'name' | 'trials' | 'learningRate' | 'validation'> & {
    readonly run: Pick<Contestant['run'], 'curve' | 'epochs' | 'imagesPerSecond' | 'stepsPerEpoch'>;
  };
  /** The predicted digit of each test image. */
  readonly predicted: Uint8Array;
}

const PICTURES = 3;

/** The results of both networks: accuracies, errors per digit and misread images. */
export function report(results: readonly Result[], test: Images): string {
  return [
    `Test accuracy on ${integer(test.count)} images, each network with its best learning rate`,
    testTable(results, test),
    '',
    'Misread test images of each digit',
    digitTable(results, test),
    ...misreadPictures(results[0], test),
  ].join('\n');
}

function testTable(results: readonly Result[], test: Images): string {
  return table(
    results.map(({ contestant, predicted }) => {
      const misread = misreadIndices(predicted, test.labels).length;
      const { name, learningRate, run } = contestant;
      return [
        name,
        percent(1 - misread / test.count, 2),
        `lr ${learningRate.toFixed(2)}`,
        `${integer(misread)} misread`,
        `trained on ${integer(run.imagesPerSecond)} images/s`,
      ];
    }),
  );
}

function digitTable(results: readonly Result[], test: Images): string {
  const digits = Array.from({ length: CLASSES }, (_, digit) => digit);
  return table([
    ['', ...digits.map(String)],
    ...results.map(({ contestant, predicted }) => {
      const labels = misreadIndices(predicted, test.labels).map((i) => test.labels[i]);
      const counts = digits.map((digit) => labels.filter((label) => label === digit).length);
      return [contestant.name, ...counts.map(integer)];
    }),
  ]);
}

function misreadPictures({ contestant, predicted }: Result, test: Images): string[] {
  const indices = misreadIndices(predicted, test.labels).slice(0, PICTURES);
  if (indices.length === 0) return [];
  const pictures = indices.map((i) => draw(imageAt(test, i), test.rows, test.columns));
  const titles = indices.map((i) => `${test.labels[i]}, read as ${predicted[i]}`);
  return ['', `Some images misread by the network ${contestant.name}`, '', sideBySide(pictures, titles)];
}

/** The indices of the misread images. */
export function misreadIndices(predicted: Uint8Array, labels: Uint8Array): number[] {
  return [...predicted.keys()].filter((i) => predicted[i] !== labels[i]);
}
