// What modules of the library use of Node's Buffer when they are loaded. Reading and writing files needs more of it.
const encoder = new TextEncoder();
export const Buffer = {
  from: (source) => (typeof source === 'string' ? encoder.encode(source) : new Uint8Array(source)),
  alloc: (length) => new Uint8Array(length),
  allocUnsafe: (length) => new Uint8Array(length),
};
