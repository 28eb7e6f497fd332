/**
 * Where bundlers have put this package's files, as noted before the package loads its binary: by bundled-binary.ts, and by a
 * module that tools/release/pack/bundle.mjs writes.
 */
export const bundled: {
  /** The bundle's own file; from webpack, the package's file on the machine that made the bundle. */
  url?: string | undefined;
  /** The binary for this platform, where webpack or Turbopack copied it. */
  binary?: URL | string | undefined;
  /** The binary for this platform, where ncc copied it. */
  traced?: string | undefined;
} = {};
