// npm run ask -- [FILE] [--digit N] [--url URL]: shows a picture as the server sees it and asks which digit it is. Without
// FILE it draws a digit.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { draw } from '../../dist-dev/examples/digits/pictures.js';
import { renderImages } from '../../dist-dev/examples/digits/rendered-digits.js';
import { CLASSES, PIXELS, SIZE } from './network.mjs';
import { fromUser } from './paths.mjs';
import { PictureReader } from './read-picture.mjs';

const { values: options, positionals } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:3000' },
    digit: { type: 'string', default: String(Math.floor(CLASSES * Math.random())) },
  },
  allowPositionals: true,
});
const digit = Number(options.digit);
if (!Number.isInteger(digit) || digit < 0 || digit >= CLASSES) {
  fail(`Expected a digit for --digit but received ${JSON.stringify(options.digit)}`, 2);
}
const [file] = positionals;
const image = file === undefined ? drawDigit() : await readFileOf(file);
console.log(draw(image, SIZE, SIZE).join('\n'));

const { version, predictions } = await ask(image);
const [{ digit: answer, probability }] = predictions;
const subject = file ?? `A ${digit}`;
console.log(`${subject}, read as ${answer} (${(100 * probability).toFixed(1)} %) by version ${version}`);

/** Draws a digit by a new writer, as bytes with 0 for black. */
function drawDigit() {
  const { pixels } = renderImages(CLASSES, Math.random);
  return pixels.slice(digit * PIXELS, (digit + 1) * PIXELS);
}

/** Converts a picture to bytes as the server does. */
async function readFileOf(name) {
  try {
    return await new PictureReader().read(await readFile(fromUser(name)));
  } catch (error) {
    return fail(error.message, 1);
  }
}

async function ask(body) {
  try {
    const headers = { 'content-type': 'application/octet-stream' };
    const response = await fetch(`${options.url}/predict`, { method: 'POST', headers, body });
    const answer = await response.json();
    return response.ok ? answer : fail(answer.error, 1);
  } catch (error) {
    return fail(`No answer from ${options.url}: ${(error.cause ?? error).message}`, 1);
  }
}

function fail(message, code) {
  console.error(message);
  process.exit(code);
}
