import { detached, wrongType } from '../../validation/errors.js';
import { FileFormatError } from './file-format-error.js';
import { type FilePath, readPath } from './path.js';

/** The part of `Blob`, `File` and `Response` that we use. Declared here because users need not have types of them. */
export interface Downloadable {
  /** The whole content. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * The content of a file: its bytes, a `Blob` or `File`, or what `fetch` returned. Bytes are not copied and must not change
 * until the promise resolves.
 */
export type FileContent = ArrayBufferLike | ArrayBufferView | Downloadable;

/** A file to load: a path or a `file:` URL, or the content of a file. Browsers have no paths. */
export type FileSource = FilePath | FileContent;

/** A path, or content. */
export type CheckedSource = string | NamedContent;

/** The content of a file, and what messages call it. */
export interface NamedContent {
  readonly name: string;
  readonly content: FileContent;
}

/** Checks what a user wants to load. @throws TypeError or RangeError naming the argument. */
export function readSource(argument: string, source: unknown): CheckedSource {
  if (isBytes(source)) {
    if (isDetached(source)) throw detached(argument);
    return { name: 'the given bytes', content: source };
  }
  if (isDownloadable(source)) return { name: nameOfDownload(source), content: source };
  if (typeof source === 'object' && source !== null && !('href' in source)) {
    throw wrongType(argument, `${expectedPath}, or the content of a file, such as a Blob,`, source);
  }
  return readPath(argument, source);
}

const expectedPath = 'a path or a file: URL';

/** The path or the content that a user gave. */
export function contentOf(source: CheckedSource): FileSource {
  return typeof source === 'string' ? source : source.content;
}

/** The name of the file in messages. */
export function nameOf(source: CheckedSource): string {
  return typeof source === 'string' ? source : source.name;
}

/**
 * All bytes of the content. Memory shared with other threads is copied, because they might change it meanwhile.
 * @param wanted Continues "Expected" in errors.
 * @throws FileFormatError for a response of the server that is an error; errors of the download.
 */
export async function bytesOf({ name, content }: NamedContent, wanted: string): Promise<Uint8Array> {
  if (isBytes(content)) {
    const bytes = ArrayBuffer.isView(content)
      ? new Uint8Array(content.buffer, content.byteOffset, content.byteLength)
      : new Uint8Array(content);
    return isArrayBuffer(bytes.buffer) ? bytes : bytes.slice();
  }
  const { ok, status } = content as { readonly ok?: unknown; readonly status?: unknown };
  if (ok === false) throw new FileFormatError(name, wanted, `HTTP status ${String(status)}`);
  const buffer: unknown = await content.arrayBuffer();
  if (!isArrayBuffer(buffer))
    throw wrongType(`the result of arrayBuffer() of ${name}`, 'an ArrayBuffer', buffer);
  return new Uint8Array(buffer);
}

function isBytes(value: unknown): value is ArrayBufferLike | ArrayBufferView {
  return ArrayBuffer.isView(value) || isArrayBuffer(value) || tagOf(value) === 'SharedArrayBuffer';
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return tagOf(value) === 'ArrayBuffer';
}

/** Recognizes buffers of another realm, too. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function isDetached(bytes: ArrayBufferLike | ArrayBufferView): boolean {
  const buffer = ArrayBuffer.isView(bytes) ? bytes.buffer : bytes;
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function isDownloadable(value: unknown): value is Downloadable {
  const { arrayBuffer } = (value ?? {}) as { readonly arrayBuffer?: unknown };
  return typeof value === 'object' && typeof arrayBuffer === 'function';
}

/** The name of a `File`, the URL of a response. */
function nameOfDownload(download: Downloadable): string {
  const { name, url } = download as { readonly name?: unknown; readonly url?: unknown };
  for (const text of [name, url]) if (typeof text === 'string' && text !== '') return text;
  return 'the given content';
}
