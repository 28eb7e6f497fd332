// npm run ask -- [--url URL] [--digit N]: draws a digit, shows it, and asks the server which one it is.
import { parseArgs } from 'node:util';
import { draw } from '../../dist-dev/examples/digits/pictures.js';
import { renderImages } from '../../dist-dev/examples/digits/rendered-digits.js';
import { CLASSES, PIXELS, SIZE } from './network.mjs';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:3000' },
    digit: { type: 'string', default: String(Math.floor(CLASSES * Math.random())) },
  },
});
const digit = Number(options.digit);
if (!Number.isInteger(digit) || digit < 0 || digit >= CLASSES) {
  console.error(`Expected a digit for --digit but received ${JSON.stringify(options.digit)}`);
  process.exit(2);
}

// One of each, by a writer of their own; byte by byte, 0 for black.
const { pixels } = renderImages(CLASSES, Math.random);
const image = pixels.slice(digit * PIXELS, (digit + 1) * PIXELS);
console.log(draw(image, SIZE, SIZE).join('\n'));

const response = await fetch(`${options.url}/predict`, {
  method: 'POST',
  headers: { 'content-type': 'application/octet-stream' },
  body: image,
});
const { error, version, predictions } = await response.json();
if (!response.ok) {
  console.error(error);
  process.exit(1);
}
const [{ digit: answer, probability }] = predictions;
console.log(
  `A ${digit}, read as ${answer} (${(100 * probability).toFixed(1)} %) by version ${version}`,
);
