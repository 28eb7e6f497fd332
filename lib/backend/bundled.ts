/**
 * Where bundlers have put this package's files. Set before the package loads its binary, by bundled-binary.ts
 * and by a module that tools/release/pack/bundle.mjs writes.
 */
export const bundled: {
  /** URL of the bundle; from webpack, URL of the package's file on the machine that made the bundle. */
  url?: string | undefined;
  /** This platform's binary, if webpack or Turbopack copied it. */
  binary?: URL | string | undefined;
  /** This platform's binary, if ncc copied it. */
  traced?: string | undefined;
} = {};
