// Validates the images that clients send.
import { PIXELS, SIZE } from './network.mjs';
import { shown } from './shown.mjs';

/** Maximum number of images in one request. */
export const MAX_IMAGES = 256;

/** An invalid request; its message is the answer. */
export class BadRequest extends Error {
  name = 'BadRequest';
  statusCode = 400;
}

/** Reads concatenated images as raw bytes. */
export function readBytes(body) {
  if (!(body instanceof Uint8Array) || body.length === 0 || body.length % PIXELS !== 0) {
    const found = body instanceof Uint8Array ? `${body.length} bytes` : 'none';
    throw new BadRequest(
      `Expected images of ${PIXELS} bytes (${SIZE} x ${SIZE}, gray) in the body but received ${found}`,
    );
  }
  return { pixels: body, count: checkCount('the body', body.length / PIXELS) };
}

/** `{ "image": … }` or `{ "images": [ … ] }`, each a flat array of 784 numbers or 28 rows of 28, from 0 to 255. */
export function readJson(body) {
  const names = body !== null && typeof body === 'object' ? Object.keys(body) : [];
  if (names.length !== 1 || !['image', 'images'].includes(names[0])) {
    throw new BadRequest(
      `Expected a JSON object with "image" or "images" in the body but received ${shown(body)}`,
    );
  }
  const { image, images } = body;
  if (names[0] === 'image') {
    const pixels = new Uint8Array(PIXELS);
    readImage('image', image, pixels);
    return { pixels, count: 1 };
  }
  if (!Array.isArray(images)) {
    throw new BadRequest(`Expected an array for images but received ${shown(images)}`);
  }
  const count = checkCount('images', images.length);
  const pixels = new Uint8Array(count * PIXELS);
  images.forEach((each, i) => {
    readImage(`images[${i}]`, each, pixels.subarray(i * PIXELS, (i + 1) * PIXELS));
  });
  return { pixels, count };
}

function checkCount(place, count) {
  if (count < 1 || count > MAX_IMAGES) {
    throw new BadRequest(`Expected 1 to ${MAX_IMAGES} images in ${place} but received ${count}`);
  }
  return count;
}

function readImage(place, image, target) {
  if (!Array.isArray(image)) {
    throw new BadRequest(
      `Expected ${PIXELS} numbers, or ${SIZE} rows of ${SIZE}, for ${place} but received ${shown(image)}`,
    );
  }
  if (!Array.isArray(image[0])) {
    readNumbers(place, image, PIXELS, target);
    return;
  }
  if (image.length !== SIZE) {
    throw new BadRequest(`Expected ${SIZE} rows for ${place} but received ${image.length}`);
  }
  image.forEach((row, r) => {
    const inRow = `${place}[${r}]`;
    if (!Array.isArray(row)) {
      throw new BadRequest(`Expected ${SIZE} numbers for ${inRow} but received ${shown(row)}`);
    }
    readNumbers(inRow, row, SIZE, target.subarray(r * SIZE, (r + 1) * SIZE));
  });
}

function readNumbers(place, numbers, length, target) {
  if (numbers.length !== length) {
    throw new BadRequest(`Expected ${length} numbers for ${place} but received ${numbers.length}`);
  }
  for (let i = 0; i < length; i++) {
    const value = numbers[i];
    if (typeof value !== 'number' || !(value >= 0 && value <= 255)) {
      throw new BadRequest(`Expected a number from 0 to 255 for ${place}[${i}] but received ${shown(value)}`);
    }
    target[i] = Math.round(value);
  }
}
