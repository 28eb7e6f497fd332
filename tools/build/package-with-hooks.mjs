// The compiled package with an addon in which tests can make allocations fail and simulate machines
// (native/system/test_hooks.h).
import { packageWith } from './package-with-addon.mjs';

/** @returns {string} the folder of the package. */
export function hookedPackage() {
  return packageWith('build-hooks', ['-DBATCHNORM_TEST_HOOKS=ON']);
}
