// What one client may cost the others. README.md lists these numbers.
const MiB = 1024 * 1024;

/** Threads that Node shares among files, DNS and sharp. */
const LIBUV_THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4);

export const LIMITS = Object.freeze({
  /** Bytes of one body: a photograph. 256 images as JSON, every number with three digits and a comma, have 800 KB. */
  bodyBytes: 10 * MiB,
  /** Bytes of all bodies that are held at once, as their requests announce them. */
  heldBodyBytes: 64 * MiB,

  /** Pixels of the longer side of a picture, and of a picture: 50 megapixels are what telephones take at most. */
  pictureSide: 10_000,
  picturePixels: 50e6,
  /** Pixels of all pictures that are decoded at once. A pixel takes 8 bytes at most. */
  decodedPixels: 50e6,
  /** Pictures that are decoded at once: half of the threads stay free for reloads. */
  decodings: Math.max(1, Math.floor(LIBUV_THREADS / 2)),
  /** Pictures that wait for that; more are answered with 503. */
  waitingPictures: 64,

  /** Milliseconds from connecting, or from the last answer, to the end of the headers. */
  headersMs: 10_000,
  /** Milliseconds from the first byte of a request to its last. */
  requestMs: 30_000,
  /** Milliseconds between two searches for connections that are late. */
  checkMs: 1_000,
  /** Milliseconds that a connection is kept without a request. */
  keepAliveMs: 5_000,

  /** Milliseconds from SIGTERM to the end of the process. */
  shutdownMs: 10_000,
  /** Milliseconds before that end in which clients receive the 503 that they get instead of an answer. */
  lastWordsMs: 1_000,
  /** Milliseconds without a request after which a connection is closed on shutdown: its client is not busy. */
  quietMs: 500,
});
