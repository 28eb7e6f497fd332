// Limits that protect clients from each other. README.md lists these numbers.
const MiB = 1024 * 1024;

/** Threads of libuv, which files, DNS and sharp share. */
const LIBUV_THREADS = Number(process.env.UV_THREADPOOL_SIZE ?? 4);

export const LIMITS = Object.freeze({
  /** Maximum bytes of one body, enough for a photograph. 256 images as JSON have 800 KB. */
  bodyBytes: 10 * MiB,
  /** Maximum bytes of all bodies in memory, as announced by their requests. */
  heldBodyBytes: 64 * MiB,

  /** Maximum pixels of a picture's longer side and of a picture; phones take up to 50 megapixels. */
  pictureSide: 10_000,
  picturePixels: 50e6,
  /** Maximum pixels of all pictures that are decoded at once, at up to 8 bytes each. */
  decodedPixels: 50e6,
  /** Maximum pictures that are decoded at once: half of the threads stay free for reloads. */
  decodings: Math.max(1, Math.floor(LIBUV_THREADS / 2)),
  /** Maximum pictures that wait for decoding; others are answered with 503. */
  waitingPictures: 64,

  /** Maximum images that wait for a batch; further requests are answered with 503. */
  waitingImages: 8192,
  /** Maximum number of pages that follow a training run at once; others get 503 and try again. */
  eventStreams: 100,

  /** Milliseconds from connecting, or from the last answer, to the end of the headers. */
  headersMs: 10_000,
  /** Milliseconds from the first byte of a request to its last. */
  requestMs: 30_000,
  /** Milliseconds between two checks for late connections. */
  checkMs: 1_000,
  /** Milliseconds after which an idle connection is closed. */
  keepAliveMs: 5_000,

  /** Milliseconds from SIGTERM to the end of the process. */
  shutdownMs: 10_000,
  /** Milliseconds before that deadline at which unanswered requests get 503. */
  lastWordsMs: 1_000,
  /** Milliseconds after which an idle connection is closed during shutdown. */
  quietMs: 500,
});
