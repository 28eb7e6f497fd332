/**
 * What the entry for bundlers (`bundled-binary.ts`) knows of the bundle it became part of. The package itself is CommonJS, and
 * bundlers recognize the path of a binary only in an ES module.
 */
export const bundled: {
  /** The bundle's own file. */
  url?: string | undefined;
  /** The binary for this platform, where the bundler copied it. */
  binary?: URL | undefined;
} = {};
