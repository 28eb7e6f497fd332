/** The part of the streams of the Web platform that we use. TypeScript declares them only for browsers. */
interface Streams {
  readonly Blob: new (parts: readonly Uint8Array[]) => { stream(): ByteStream };
  readonly DecompressionStream: new (format: 'deflate-raw') => object;
}

interface ByteStream {
  pipeThrough(transform: object): ByteStream;
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
    cancel(): Promise<void>;
  };
}

/** Decompresses deflated bytes piece by piece; every runtime has these streams, browsers included. */
export async function* inflate(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const { Blob, DecompressionStream } = globalThis as unknown as Streams;
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) break;
      yield value;
    }
    ended = true;
  } finally {
    // Where the reader of an archive stops early, the rest is not decompressed.
    if (!ended) await reader.cancel().catch(() => undefined);
  }
}
