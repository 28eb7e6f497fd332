// An ES module even in the packed package, where bundlers see it and Node does not: it notes where a bundler has put
// the binaries, before the package loads one.
import { bundled } from './bundled.js';

// Undefined in a bundle that is CommonJS.
bundled.url = import.meta.url;
try {
  // webpack and Turbopack recognize exactly this form and copy the binary of each platform that is there. Six literal
  // URLs would fail the build where the binary of one platform is missing.
  bundled.binary = new URL(
    `../../prebuilds/${process.platform}-${process.arch}/batchnorm.node`,
    import.meta.url,
  );
} catch {
  // There was none for this platform when the bundle was made, or import.meta.url is undefined.
}
