import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { freshArray } from '../backend/allocation.js';
import { openFile } from '../io/files/open-file.js';
import type { Fail } from '../io/files/float-collector.js';

/** The values of a tensor that are in a file beside the model. */
export async function readExternalData(
  model: string,
  place: ReadonlyMap<string, string>,
  bytes: number,
  fail: Fail,
): Promise<Uint8Array> {
  const path = await pathOf(model, place.get('location') ?? '', fail);
  const offset = integerOf(place.get('offset') ?? '0', fail);
  const length = integerOf(place.get('length') ?? String(bytes), fail);
  if (length !== bytes) fail(`${bytes} bytes of external data`, String(length));
  const { handle, size } = await openFile(path, 'the external data of a model');
  try {
    // Before the memory is allocated: the model's shape alone could ask for any amount.
    if (offset + length > size)
      fail(`external data up to byte ${offset + length}`, `a file of ${size} bytes`);
    const target = freshArray(Uint8Array, 'the external data of a model', length);
    let filled = 0;
    while (filled < length) {
      const count = Math.min(length - filled, 2 ** 30);
      const { bytesRead } = await handle.read(target, filled, count, offset + filled);
      if (bytesRead === 0) return fail(`${length} bytes of external data`, String(filled));
      filled += bytesRead;
    }
    return target;
  } finally {
    await handle.close();
  }
}

/** A model from elsewhere must not make a program read files outside its folder, through links neither. */
async function pathOf(model: string, location: string, fail: Fail): Promise<string> {
  const expected = "external data in the model's folder";
  const parts = location.split(/[/\\]/);
  if (location === '' || isAbsolute(location) || parts.includes('..') || /[\0:]/.test(location)) {
    return fail(expected, JSON.stringify(location));
  }
  const folder = await realpath(dirname(model));
  const path = await realpath(join(folder, location));
  const inside = relative(folder, path);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    return fail(expected, `a link to ${path}`);
  }
  return path;
}

function integerOf(text: string, fail: Fail): number {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : fail('a number of bytes', text);
}
