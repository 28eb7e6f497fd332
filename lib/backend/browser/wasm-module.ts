import { plainError } from '../../validation/errors.js';

/** What a browser's fetch returns, as far as it is used. */
interface Download {
  readonly ok: boolean;
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * The bytes of the WebAssembly module, which lies beside the package's files. Bundlers recognize this form of URL and copy
 * the file. tools/build/browser/ replaces this module where the bytes become part of a page.
 */
export async function wasmModule(): Promise<Uint8Array> {
  const url = new URL('../prebuilds/wasm32/batchnorm.wasm', import.meta.url);
  const download: Download = await fetch(url);
  if (!download.ok) throw plainError('ERR_BATCHNORM_BACKEND', `${url.href}: HTTP status ${download.status}`);
  return new Uint8Array(await download.arrayBuffer());
}
