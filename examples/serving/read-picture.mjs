// Converts a picture from a paint program or a camera, of any size, dark on bright or bright on dark, to the network's
// input format: a bright digit on a dark background, 20 pixels high or wide, in the middle of 28 x 28.
import sharp from 'sharp';
import { Budget } from './budget.mjs';
import { LIMITS } from './limits.mjs';
import { PIXELS, SIZE } from './network.mjs';
import { BadRequest } from './read-images.mjs';
import { shorten } from './shown.mjs';

// Untrusted pictures go through few decoders, and none that may run scripts or read other files, as SVG's may.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Png', 'Jpeg', 'Webp', 'Gif', 'Nsgif'].map((name) => `VipsForeignLoad${name}`),
});
// Pictures rarely repeat, so a cache would only take memory.
sharp.cache(false);

/** The longer side of the digit, as in MNIST and in our rendered digits at scale 1. */
const BODY = 20;
/** Larger pictures are downscaled first, since a drawn digit needs no more pixels. */
const MAX_SIDE = 128;
/** Fractions of the strongest ink: below the first a pixel is background, such as a shadow; above the second it is ink. */
const GROUND = 0.3;
const FULL = 0.7;
/** Minimum contrast of ink and background, from 0 to 255; below it there is no digit. */
const MIN_CONTRAST = 16;

/** Reads a few pictures at once, since small files may contain many pixels, and sharp uses threads that Node needs. */
export class PictureReader {
  #limits;
  #decodings;
  #pixels;

  constructor(limits = LIMITS) {
    this.#limits = limits;
    this.#decodings = new Budget(limits.decodings, limits.waitingPictures);
    this.#pixels = new Budget(limits.decodedPixels);
  }

  /** For /metrics. */
  get state() {
    return { decodings: this.#decodings.state, pixels: this.#pixels.state };
  }

  /**
   * @returns PIXELS bytes.
   * @throws BadRequest for a picture that is too large or without a digit; Busy if too many wait.
   */
  read(bytes) {
    return this.#decodings.run(1, async () => {
      const { width, height } = await decoded(() => sharp(bytes).metadata());
      this.#requireSize(width, height);
      return this.#pixels.run(width * height, () => digitOf(bytes, this.#limits.picturePixels));
    });
  }

  #requireSize(width, height) {
    const { pictureSide, picturePixels } = this.#limits;
    if (Math.max(width, height) > pictureSide || width * height > picturePixels) {
      throw new BadRequest(
        `Expected a picture of at most ${pictureSide} x ${pictureSide} and ${picturePixels} pixels but received ${width} x ${height}`,
      );
    }
  }
}

async function digitOf(bytes, maxPixels) {
  const { data, info } = await decoded(() => smallPicture(bytes, maxPixels));
  const ink = inkOf(data, info);
  const { left, top, width, height } = boundsOf(ink, info);
  const scale = BODY / Math.max(width, height);
  const columns = Math.max(Math.round(width * scale), 1);
  const rows = Math.max(Math.round(height * scale), 1);
  const digit = await sharp(ink, { raw: { width: info.width, height: info.height, channels: 1 } })
    .extract({ left, top, width, height })
    .resize(columns, rows, { fit: 'fill' })
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  return centered(digit, rows, columns);
}

/** Red, green, blue, opacity of each pixel. */
function smallPicture(bytes, maxPixels) {
  return sharp(bytes, { limitInputPixels: maxPixels })
    .rotate() // by the EXIF orientation
    .resize(MAX_SIDE, MAX_SIDE, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
}

/** The result of sharp for a file, which may not be a picture. */
async function decoded(work) {
  try {
    return await work();
  } catch (cause) {
    throw new BadRequest(
      `Expected a picture, PNG, JPEG, WebP or GIF, but received something else: ${shorten(cause.message, 200)}`,
      { cause },
    );
  }
}

/** The largest distance of each pixel from the background over the color channels: 0 for background, 255 for ink. */
function inkOf(rgba, { width, height }) {
  // Transparent pixels have no color.
  for (let i = 0; i < rgba.length; i += 4) {
    for (let c = 0; c < 3; c++) rgba[i + c] = (rgba[i + c] * rgba[i + 3]) / 255;
  }
  const ground = [0, 1, 2, 3].map((c) => median(borderOf(rgba, width, height, c)));
  const distances = new Uint8Array(width * height);
  for (let i = 0; i < distances.length; i++) {
    for (let c = 0; c < 4; c++) {
      distances[i] = Math.max(distances[i], Math.abs(rgba[4 * i + c] - ground[c]));
    }
  }
  const largest = distances.reduce((a, b) => Math.max(a, b), 0);
  if (largest < MIN_CONTRAST) {
    throw new BadRequest('Expected a digit on the picture but found one color');
  }
  return distances.map((distance) => 255 * clamp((distance / largest - GROUND) / (FULL - GROUND)));
}

function borderOf(rgba, width, height, channel) {
  const values = [];
  for (let x = 0; x < width; x++) values.push(at(x, 0), at(x, height - 1));
  for (let y = 0; y < height; y++) values.push(at(0, y), at(width - 1, y));
  return values;

  function at(x, y) {
    return rgba[4 * (y * width + x) + channel];
  }
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const clamp = (value) => Math.min(Math.max(value, 0), 1);

/** The bounding box of the ink. */
function boundsOf(ink, { width, height }) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] < 128) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Centers the digit and brightens thin lines, which scaling has made pale. */
function centered(digit, rows, columns) {
  const largest = digit.reduce((a, b) => Math.max(a, b), 1);
  const image = new Uint8Array(PIXELS);
  const top = Math.floor((SIZE - rows) / 2);
  const left = Math.floor((SIZE - columns) / 2);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      image[(top + y) * SIZE + left + x] = Math.round((255 * digit[y * columns + x]) / largest);
    }
  }
  return image;
}
