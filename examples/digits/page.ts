import { encode } from 'fast-png';
import { accuracyChart, confusionChart, lossChart, statisticsChart, type Svg, timeChart } from './charts.js';
import { LEARNING_RATES, TRIAL_STEPS } from './contestant.js';
import { imageAt, type Images } from './dataset.js';
import { integer, percent } from './format.js';
import { type LayerTime, REPETITIONS } from './layer-times.js';
import { misreadIndices, type Result } from './report.js';

export interface PageContent {
  /** Lines that describe the training. */
  readonly facts: readonly string[];
  /** With and without batch norm. */
  readonly results: readonly [Result, Result];
  readonly test: Images;
  /** The batch norm layers of the first network. */
  readonly norms: readonly string[];
  readonly times: readonly LayerTime[];
  /** Number of images in the batch of the time measurement. */
  readonly timedImages: number;
}

const PICTURES = 40;
/** Width of a picture on the page, in pixels. */
const PICTURE_WIDTH = 84;

/** A self-contained page without scripts. */
export function writePage(content: PageContent): string {
  const { facts, results, test, norms, times, timedImages } = content;
  const [best] = results;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>batchnorm: digits</title>
<style>${style}</style>
</head>
<body>
<h1>Digits with and without batch norm</h1>
${facts.map((fact) => `<p>${escape(fact)}</p>`).join('\n')}
${summary(results, test)}
${section('Loss', 'Lines: training, averaged over twentieths of an epoch. Dots: validation, after each epoch.', lossChart(results))}
${section('Accuracy', 'On training images, each before its step, and on validation images.', accuracyChart(results))}
${section('Running means', 'Root mean square over the channels of each batch norm layer, named by its path in the <code>.npz</code> file.', statisticsChart(best, norms, 3, 'running mean'))}
${section('Running variances', 'Mean over the channels of each batch norm layer.', statisticsChart(best, norms, 3 + norms.length, 'running variance'))}
${confusions(results, test)}
${misread(best, test)}
${section('Time per layer', `One training step on ${integer(timedImages)} images: each layer separately, the fastest of ${REPETITIONS} runs; batch norm together with the next ReLU.`, timeChart(times))}
</body>
</html>
`;
}

const style = `
body { font: 16px/1.45 system-ui, sans-serif; color: #222; max-width: 960px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.7em } h2 { font-size: 1.25em; margin: 2em 0 0.2em }
p { margin: 0.3em 0 } svg { max-width: 100%; height: auto }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { padding: 0.25em 0.8em; text-align: right; border-bottom: 1px solid #ddd } th:first-child { text-align: left }
.pair { display: flex; flex-wrap: wrap; gap: 1em } .pair > div { flex: 1 1 400px }
.pictures { display: flex; flex-wrap: wrap; gap: 10px; margin-top: 1em }
figure { margin: 0; text-align: center; font-size: 13px }
figure img { display: block; width: ${PICTURE_WIDTH}px; image-rendering: pixelated }
`;

function section(title: string, text: string, chart: Svg): string {
  return `<section>\n<h2>${title}</h2>\n<p>${text}</p>\n${chart}\n</section>`;
}

function summary(results: readonly Result[], test: Images): string {
  const lines = results.map(({ contestant, predicted }) => {
    const wrong = misreadIndices(predicted, test.labels).length;
    const trials = contestant.trials.rows.map(([rate, , loss]) => {
      const text = Number.isFinite(loss) ? loss.toFixed(3) : 'diverged';
      return `<td>${rate === contestant.learningRate ? `<b>${text}</b>` : text}</td>`;
    });
    const speed = integer(contestant.run.imagesPerSecond);
    return `<tr><th>${contestant.name}</th><td><b>${percent(1 - wrong / test.count, 2)}</b></td><td>${integer(wrong)}</td><td>${speed}</td>${trials.join('')}</tr>`;
  });
  const rates = LEARNING_RATES.map((rate) => `<th>lr ${rate}</th>`).join('');
  return `<table>
<tr><th></th><th>test accuracy</th><th>misread of ${integer(test.count)}</th><th>images/s</th>${rates}</tr>
${lines.join('\n')}
</table>
<p>Columns of learning rates: validation loss after at most ${TRIAL_STEPS} steps of the same network, which is then trained with the best one.</p>`;
}

function confusions(results: readonly Result[], test: Images): string {
  const charts = results.map(
    ({ contestant: { name }, predicted }) =>
      `<div><p><b>${name}</b></p>\n${confusionChart(predicted, test)}</div>`,
  );
  return `<section>
<h2>Confusions</h2>
<p>Predictions for each digit of the test images.</p>
<div class="pair">${charts.join('\n')}</div>
</section>`;
}

function misread({ contestant, predicted }: Result, test: Images): string {
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
  return `<section>
<h2>Misread digits</h2>
<p>${count} misread by the network ${contestant.name}.</p>
<div class="pictures">
${shown.join('\n')}
</div>
</section>`;
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
}
