import { plainError } from '../../validation/errors.js';

/** The members of `fetch`'s Response that we use. */
interface Download {
  readonly ok: boolean;
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * The bytes of the WebAssembly module, which lies in the package at this place relative to the bundle in dist/browser/.
 * Bundlers recognize this form of URL and copy the file; a page whose bundler does not can name another place.
 * tools/build/browser/ replaces this module where the bytes become part of a page.
 */
export async function wasmModule(): Promise<Uint8Array> {
  const { BATCHNORM_WASM_URL: given } = globalThis as { readonly BATCHNORM_WASM_URL?: string | URL };
  const url = given ?? new URL('../../prebuilds/wasm32/batchnorm.wasm', import.meta.url);
  const download: Download = await fetch(url);
  if (!download.ok) {
    throw plainError('ERR_BATCHNORM_BACKEND', `${String(url)}: HTTP status ${download.status}`);
  }
  return new Uint8Array(await download.arrayBuffer());
}
