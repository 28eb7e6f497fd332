import { fileURLToPath } from 'node:url';
import { wrongType, wrongValue } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { isUrl } from '../../validation/realm.js';

/** The part of `URL` that we use. Declared here because users need not have Node's types installed. */
export interface FileUrl {
  readonly href: string;
}

/** A path, or a `file:` URL. */
export type FilePath = string | FileUrl;

export function readPath(argument: string, path: unknown): string {
  if (isUrl(path)) return pathOfUrl(argument, path.href);
  if (typeof path !== 'string') throw wrongType(argument, 'a path or a file: URL', path);
  if (path === '' || path.includes('\0')) {
    throw wrongValue(argument, 'a path or a file: URL', quote(path));
  }
  return path;
}

function pathOfUrl(argument: string, url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw wrongValue(argument, 'a path or a file: URL', quote(url), { cause });
  }
}
