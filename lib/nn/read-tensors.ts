import type { JsonReader } from '../json/json-reader.js';
import { storageOf } from '../core/tensor.js';
import { type HasMembers, membersOf } from './members.js';

/** Reads the module's own tensors from its JSON, in place, by their names. */
export function readTensors(module: HasMembers, reader: JsonReader): void {
  for (const { key, tensor } of module[membersOf]()) {
    if (tensor !== undefined) reader.into(key, storageOf(tensor).values);
  }
}
