// Replacements of Node's globals that the library uses, for bundles for browsers.

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

function encode(text, encoding = 'utf8') {
  if (encoding === 'utf8') return utf8.encoder.encode(text);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The methods of Node's Buffer that read and write files need. */
export class Buffer extends Uint8Array {
  static from(source, encodingOrOffset, length) {
    if (typeof source === 'string') return Buffer.from(encode(source, encodingOrOffset).buffer);
    if (source instanceof ArrayBuffer) return new Buffer(source, encodingOrOffset ?? 0, length);
    const copy = new Buffer(source.length);
    copy.set(source);
    return copy;
  }

  static alloc(length, fill) {
    const bytes = new Buffer(length);
    return fill === undefined ? bytes : bytes.fill(fill.charCodeAt(0));
  }

  static allocUnsafe(length) {
    return new Buffer(length);
  }

  static byteLength(text) {
    return utf8.encoder.encode(text).length;
  }

  static concat(parts) {
    const joined = new Buffer(parts.reduce((sum, { length }) => sum + length, 0));
    let end = 0;
    for (const part of parts) {
      joined.set(part, end);
      end += part.length;
    }
    return joined;
  }

  get #view() {
    return new DataView(this.buffer, this.byteOffset, this.byteLength);
  }

  equals(other) {
    return this.length === other.length && this.every((byte, i) => byte === other[i]);
  }

  copy(target, begin = 0) {
    target.set(this, begin);
    return this.length;
  }

  toString(encoding = 'utf8', begin = 0, end = this.length) {
    const bytes = this.subarray(begin, end);
    if (encoding === 'utf8') return utf8.decoder.decode(bytes);
    const texts = Array.from(bytes, (byte) =>
      encoding === 'hex' ? byte.toString(16).padStart(2, '0') : String.fromCharCode(byte),
    );
    return texts.join('');
  }

  write(text, begin, encoding) {
    const bytes = encode(text, encoding);
    this.set(bytes, begin);
    return bytes.length;
  }

  readUInt16LE(at = 0) {
    return this.#view.getUint16(at, true);
  }

  readUInt32LE(at = 0) {
    return this.#view.getUint32(at, true);
  }

  readBigUInt64LE(at = 0) {
    return this.#view.getBigUint64(at, true);
  }

  writeUInt16LE(value, at = 0) {
    this.#view.setUint16(at, value, true);
    return at + 2;
  }

  writeDoubleLE(value, at = 0) {
    this.#view.setFloat64(at, value, true);
    return at + 8;
  }

  writeBigInt64LE(value, at = 0) {
    this.#view.setBigInt64(at, value, true);
    return at + 8;
  }

  writeBigUInt64LE(value, at = 0) {
    this.#view.setBigUint64(at, value, true);
    return at + 8;
  }

  swap16() {
    return this.#swap(2);
  }

  swap32() {
    return this.#swap(4);
  }

  swap64() {
    return this.#swap(8);
  }

  /** Exchanges the byte order of numbers of this many bytes. */
  #swap(size) {
    for (let begin = 0; begin < this.length; begin += size) this.subarray(begin, begin + size).reverse();
    return this;
  }
}

/** Calls back after events that wait, without the delay of timers. */
export function setImmediate(callback) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(null);
}
