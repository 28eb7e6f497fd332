// A picture as a paint program or a camera makes it: of any size, dark on bright or bright on dark. It becomes what the
// network was trained with: a bright digit on a dark ground, 20 pixels high or wide, in the middle of 28 x 28.
import sharp from 'sharp';
import { PIXELS, SIZE } from './network.mjs';
import { BadRequest } from './read-images.mjs';

// What strangers send is read by few decoders: none that reads programs or further files, as SVG's may.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Png', 'Jpeg', 'Webp', 'Gif', 'Nsgif'].map((name) => `VipsForeignLoad${name}`),
});

/** The longer side of the digit, as in MNIST and at scale 1 in ours. */
const BODY = 20;
/** A larger picture is made smaller first: a drawn digit needs no more pixels. */
const MOST_SIDE = 128;
const MOST_PIXELS = 50e6;
/** Of the strongest ink: less belongs to the ground, as the shadow on a photograph does; more is all ink. */
const GROUND = 0.3;
const FULL = 0.7;
/** From 0 to 255: with less between ink and ground there is no digit. */
const LEAST_INK = 16;

/** @returns PIXELS bytes. */
export async function readPicture(bytes) {
  const { data, info } = await decode(bytes);
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
  return centred(digit, rows, columns);
}

/** Red, green, blue, opacity of each pixel. */
async function decode(bytes) {
  try {
    return await sharp(bytes, { limitInputPixels: MOST_PIXELS })
      .rotate() // as the camera was held
      .resize(MOST_SIDE, MOST_SIDE, { fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw new BadRequest(
      `Expected a picture, PNG, JPEG, WebP or GIF, but received something else: ${cause.message}`,
      { cause },
    );
  }
}

/** How far each pixel is from the ground, in the colour where it is furthest: 0 for the ground, 255 for ink. */
function inkOf(rgba, { width, height }) {
  // What is transparent has no colour.
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
  const most = distances.reduce((a, b) => Math.max(a, b), 0);
  if (most < LEAST_INK) {
    throw new BadRequest('Expected a digit on the picture but found one colour');
  }
  return distances.map((distance) => 255 * clamp((distance / most - GROUND) / (FULL - GROUND)));
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

/** The smallest rectangle with all ink in it. */
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

/** In the middle; thin lines, pale now, as bright as others. */
function centred(digit, rows, columns) {
  const most = digit.reduce((a, b) => Math.max(a, b), 1);
  const image = new Uint8Array(PIXELS);
  const top = Math.floor((SIZE - rows) / 2);
  const left = Math.floor((SIZE - columns) / 2);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      image[(top + y) * SIZE + left + x] = Math.round((255 * digit[y * columns + x]) / most);
    }
  }
  return image;
}
