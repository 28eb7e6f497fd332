import { readFileSync } from 'node:fs';

// Files in the safetensors format: eight bytes with the length of a JSON header, the header, the values.

export type Header = Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }>;

export function encode(header: Header | string, data = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

export function headerOf(path: string): Header {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  return JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Header;
}
