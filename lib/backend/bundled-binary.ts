// An ES module even in the packed package, where bundlers load it and Node does not. It records where a
// bundler has put the binaries before the package loads one.
import { bundled } from './bundled.js';

// Undefined in a bundle that is CommonJS.
bundled.url = import.meta.url;
try {
  // webpack and Turbopack recognize exactly this form and copy each platform's binary that exists. Six
  // literal URLs would fail the build if one of the binaries is missing.
  bundled.binary = new URL(
    `../../prebuilds/${process.platform}-${process.arch}/batchnorm.node`,
    import.meta.url,
  );
} catch {
  // The bundle was made without a binary for this platform, or import.meta.url is undefined.
}
