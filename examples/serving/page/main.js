// Draws, shows the probabilities while drawing, and follows a training run.
import { Curve, logarithmic, percent } from './curves.js';
import { SIZE, toImage } from './digit.js';
import { Pad } from './pad.js';
import { Predictor } from './predictor.js';

const CLASSES = 10;
const RETRY_MS = 3000;
const $ = (id) => document.getElementById(id);

const bars = Array.from({ length: CLASSES }, (_, digit) => {
  const bar = document.createElement('li');
  const [name, track, text] = ['span', 'span', 'span'].map((tag) => document.createElement(tag));
  name.textContent = digit;
  track.className = 'track';
  const fill = track.appendChild(document.createElement('i'));
  text.className = 'percent';
  bar.append(name, track, text);
  $('bars').append(bar);
  return { bar, fill, text };
});

const predictor = new Predictor(({ error, digit, probability, probabilities }) => {
  showProbabilities(probabilities);
  $('answer').textContent = error === undefined ? digit : '–';
  $('message').textContent = error ?? asPercent(probability);
});
const pad = new Pad($('pad'), predict);
$('clear').addEventListener('click', () => pad.clear());
pad.clear();

function predict() {
  const image = toImage(pad.strokes);
  showInput(image);
  if (image === undefined) {
    showProbabilities(undefined);
    $('answer').textContent = '–';
    $('message').textContent = 'with the mouse or a finger';
  }
  void predictor.ask(image);
}

/** @param probabilities undefined for none. */
function showProbabilities(probabilities) {
  const highest = probabilities === undefined ? NaN : Math.max(...probabilities);
  bars.forEach(({ bar, fill, text }, digit) => {
    const probability = probabilities?.[digit];
    fill.style.width = `${100 * (probability ?? 0)}%`;
    text.textContent = probability === undefined ? '' : asPercent(probability);
    bar.classList.toggle('best', probability === highest);
  });
}

/** The image as the server receives it. */
function showInput(image) {
  const context = $('input').getContext('2d');
  const picture = context.createImageData(SIZE, SIZE);
  for (let i = 0; i < SIZE * SIZE; i++) {
    const gray = image?.[i] ?? 0;
    picture.data.set([gray, gray, gray, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

const asPercent = (part) => `${(100 * part).toFixed(1)} %`;

// Training.

const lossCurve = new Curve($('loss'), logarithmic);
const accuracyCurve = new Curve($('accuracy'), percent);
let rows = [];
let version;

follow();

function follow() {
  const events = new EventSource('training/events');
  events.onmessage = ({ data }) => {
    const { training, weights, curve } = JSON.parse(data);
    showTraining(training);
    rows = [...rows.slice(0, curve.from), ...curve.rows];
    $('curves').hidden = rows.length === 0;
    lossCurve.show(rows.map(([step, loss]) => [step, loss]));
    accuracyCurve.show(rows.map(([step, , accuracy]) => [step, accuracy]));
    $('version').textContent =
      weights.version === 0 ? 'none yet' : `version ${weights.version}, ${weights.file}`;
    // Other weights may read the drawing differently.
    if (version !== undefined && weights.version !== version) predict();
    version = weights.version;
  };
  events.onerror = () => {
    $('progress').textContent = 'The server does not answer.';
    // Browsers connect again after a lost connection, but not after an error such as 503.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, RETRY_MS);
  };
}

function showTraining({ running, epoch, epochs, steps, loss, accuracy, error }) {
  $('start').disabled = running;
  $('epochs').disabled = running;
  $('stop').disabled = !running;
  if (error !== undefined) {
    $('progress').textContent = error;
  } else if (steps === undefined) {
    $('progress').textContent = running ? 'Starting' : '';
  } else {
    const state = running ? `Epoch ${epoch + 1} of ${epochs}` : 'Ended';
    $('progress').textContent =
      `${state}, step ${steps.toLocaleString('en')}: loss ${loss?.toPrecision(3) ?? 'not a number'}, accuracy ${asPercent(accuracy)}`;
  }
}

$('training').addEventListener('submit', (event) => {
  event.preventDefault();
  void request('POST', { epochs: $('epochs').valueAsNumber });
});
$('stop').addEventListener('click', () => {
  $('stop').disabled = true;
  void request('DELETE');
});

async function request(method, body) {
  try {
    const response = await fetch('training', {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const { error } = await response.json();
    if (error !== undefined) $('progress').textContent = error;
  } catch {
    $('progress').textContent = 'The server does not answer.';
  }
}
