import { readEntry, writeZip } from '../../../../robustness/probes/npz/zip.js';

/** An archive of a layer with its entries deflated. */
export function deflate(zip: Buffer): Buffer {
  const names = ['weight.npy', 'bias.npy'];
  return writeZip(names.map((name) => ({ name, bytes: readEntry(zip, name), deflated: true })));
}
