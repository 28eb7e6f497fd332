// An ES module even in the packed package, where bundlers see it and Node does not: it notes where a bundler has put
// the binaries, before the package loads one.
import { bundled } from './bundled.js';

// Undefined in a bundle that is CommonJS, where a relative URL has no base.
bundled.url = import.meta.url;
if (bundled.url !== undefined) bundled.binary = prebuilt();

/** Bundlers find the files and carry them along only if each path is a literal in exactly this form. */
function prebuilt(): URL | undefined {
  switch (`${process.platform}-${process.arch}`) {
    case 'linux-x64':
      return new URL('../../prebuilds/linux-x64/batchnorm.node', import.meta.url);
    case 'linux-arm64':
      return new URL('../../prebuilds/linux-arm64/batchnorm.node', import.meta.url);
    case 'darwin-x64':
      return new URL('../../prebuilds/darwin-x64/batchnorm.node', import.meta.url);
    case 'darwin-arm64':
      return new URL('../../prebuilds/darwin-arm64/batchnorm.node', import.meta.url);
    case 'win32-x64':
      return new URL('../../prebuilds/win32-x64/batchnorm.node', import.meta.url);
    case 'win32-arm64':
      return new URL('../../prebuilds/win32-arm64/batchnorm.node', import.meta.url);
    default:
      return undefined;
  }
}
