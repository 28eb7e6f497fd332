import { encode } from 'fast-png';
import { accuracyChart, type Chart, lossChart, statisticsChart } from './charts.js';
import { confusionTable } from './confusion-table.js';
import { LEARNING_RATES, TRIAL_STEPS } from './contestant.js';
import { imageAt, type Images } from './dataset.js';
import { integer, percent } from './format.js';
import { type LayerTime, REPETITIONS } from './layer-times.js';
import { style } from './page-style.js';
import { misreadIndices, type Result } from './report.js';

export interface PageContent {
  /** Lines that describe the training. */
  readonly facts: readonly string[];
  /** With and without batch norm. */
  readonly networks: readonly [Network, Network];
  /** The batch norm layers of the first network. */
  readonly norms: readonly string[];
  /** The results of the complete training run, or the state of an incomplete one. */
  readonly outcome: Outcome | State;
}

export type Network = Result['contestant'];

/** Results that exist only at the end. */
export interface Outcome {
  /** The predicted digit of each test image by each network. */
  readonly predicted: readonly [Uint8Array, Uint8Array];
  readonly test: Images;
  readonly times: readonly LayerTime[];
  /** Number of images in the batch of the time measurement. */
  readonly timedImages: number;
}

export interface State {
  readonly message: string;
  /** Whether the program will write the page again, so that a browser should reload it. */
  readonly running: boolean;
}

const PICTURES = 40;
/** Seconds after which a browser reloads the page of a running training. */
const RELOAD_SECONDS = 5;

/** A self-contained page without scripts. */
export function writePage({ facts, networks, norms, outcome }: PageContent): string {
  const [first] = networks;
  const complete = 'predicted' in outcome;
  const reload =
    !complete && outcome.running ? `<meta http-equiv="refresh" content="${RELOAD_SECONDS}">\n` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${reload}<title>batchnorm: digits</title>
<style>${style}</style>
</head>
<body>
<h1>Digits with and without batch norm</h1>
${facts.map((fact) => `<p>${escape(fact)}</p>`).join('\n')}
${complete ? '' : `<p class="status">${escape(outcome.message)}</p>\n`}${summary(networks, complete ? outcome : undefined)}
${section('Loss', 'Lines: training, averaged over twentieths of an epoch. Dots: validation, after each epoch.', lossChart(networks))}
${section('Accuracy', 'On training images, each before its step, and on validation images.', accuracyChart(networks))}
${section('Running means', 'Root mean square over the channels of each batch norm layer, named by its path in the <code>.npz</code> file.', statisticsChart('Running means over the epochs', first, norms, 3))}
${section('Running variances', 'Mean over the channels of each batch norm layer.', statisticsChart('Running variances over the epochs', first, norms, 3 + norms.length))}
${complete ? sectionsOfOutcome(networks, outcome) : ''}
</body>
</html>
`;
}

function section(title: string, text: string, content: Chart): string {
  return `<section>\n<h2>${title}</h2>\n<p>${text}</p>\n${content}\n</section>`;
}

/** A row for each measurement and a column for each network, which fits into narrow windows. */
function summary(networks: readonly Network[], outcome: Outcome | undefined): string {
  const row = (name: string, cellOf: (network: Network, i: number) => string) =>
    `<tr><th>${name}</th>${networks.map((network, i) => `<td>${cellOf(network, i)}</td>`).join('')}</tr>`;
  const lines = [
    row('validation accuracy', ({ validation }) => {
      const accuracy = validation.rows.at(-1)?.[2];
      return accuracy === undefined ? '–' : percent(accuracy, 2);
    }),
    row('images/s in training', ({ run }) =>
      Number.isFinite(run.imagesPerSecond) ? integer(run.imagesPerSecond) : '–',
    ),
    ...LEARNING_RATES.map((rate) => row(`loss at lr ${rate}`, (network) => trialCell(network, rate))),
  ];
  if (outcome !== undefined) {
    const { predicted, test } = outcome;
    const wrong = predicted.map((digits) => misreadIndices(digits, test.labels).length);
    lines.unshift(
      row('test accuracy', (_, i) => `<b>${percent(1 - wrong[i] / test.count, 2)}</b>`),
      row(`misread of ${integer(test.count)}`, (_, i) => integer(wrong[i])),
    );
  }
  return `<table>
<tr><th></th>${networks.map(({ name }) => `<th>${name}</th>`).join('')}</tr>
${lines.join('\n')}
</table>
<p>Loss at each learning rate: on validation images, after at most ${TRIAL_STEPS} steps of the same network, which is then trained with the best one.</p>`;
}

function trialCell({ trials, learningRate }: Network, rate: number): string {
  const loss = trials.rows.find(([tried]) => tried === rate)?.[2];
  if (loss === undefined) return '–';
  const text = Number.isFinite(loss) ? loss.toFixed(3) : 'diverged';
  return rate === learningRate ? `<b>${text}</b>` : text;
}

function sectionsOfOutcome(networks: readonly Network[], outcome: Outcome): string {
  const { predicted, test, times, timedImages } = outcome;
  const confusions = networks.map(({ name }, i) => confusionTable(name, predicted[i], test));
  return `${section('Confusions', 'Test images of each digit, in rows, by the digit that was read, in columns.', `<div class="confusions">${confusions.join('\n')}</div>`)}
${misread(networks[0].name, predicted[0], test)}
${section('Time per layer', `One training step on ${integer(timedImages)} images: each layer separately, the fastest of ${REPETITIONS} runs; batch norm together with the next ReLU.`, timeBars(times))}`;
}

function misread(name: string, predicted: Uint8Array, test: Images): string {
  const indices = misreadIndices(predicted, test.labels);
  const shown = indices.slice(0, PICTURES).map((i) => {
    const { rows, columns } = test;
    const png = encode({
      width: columns,
      height: rows,
      data: imageAt(test, i),
      channels: 1,
      depth: 8,
    });
    const source = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
    const caption = `${test.labels[i]} read as ${predicted[i]}`;
    return `<figure><img src="${source}" alt="${caption}"><figcaption>${caption}</figcaption></figure>`;
  });
  const count =
    indices.length > PICTURES
      ? `The first ${PICTURES} of ${integer(indices.length)} test images`
      : `All ${integer(indices.length)} test images`;
  const pictures = `<div class="pictures">\n${shown.join('\n')}\n</div>`;
  return section('Misread digits', `${count} misread by the network ${name}.`, pictures);
}

/** A bar for each layer, forward and backward pass one behind the other. */
function timeBars(times: readonly LayerTime[]): string {
  const longest = Math.max(...times.map((time) => time.forward + time.backward));
  const passes = ['forward', 'backward'] as const;
  const items = times.map((time) => {
    const parts = passes.map(
      (pass) => `<i class="${pass}" style="width: ${((100 * time[pass]) / longest).toFixed(1)}%"></i>`,
    );
    const numbers = passes.map((pass) => time[pass].toFixed(2)).join(' + ');
    return `<li><span class="name">${time.name}</span><span class="bar">${parts.join('')}</span><span class="ms">${numbers} ms</span></li>`;
  });
  const legend = passes.map((pass, i) => `<li><i style="--color: var(--line-${i})"></i>${pass} pass</li>`);
  return `<ul class="legend">${legend.join('')}</ul>\n<ul class="times">\n${items.join('\n')}\n</ul>`;
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
}
