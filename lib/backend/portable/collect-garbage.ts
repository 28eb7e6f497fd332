import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isAddressSpaceLimited } from '../address-space.js';

/**
 * V8's own `gc()`, which only new contexts receive. The alternative, an allocation that is certain to fail,
 * makes glibc give this thread another arena, and such arenas keep almost all address space that is freed in
 * them.
 */
function exposeGc(): () => void {
  try {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
    return gc;
  } catch {
    // Another engine, such as Bun's, which lacks the flag.
    return () => undefined;
  }
}

// Created early, because a context takes a megabyte, which may be unavailable once memory has run out.
let gc = isAddressSpaceLimited ? exposeGc() : undefined;

/** Frees unreachable objects. V8 frees array buffers in the background; the second collection waits for that. */
export function collectGarbage(): void {
  gc ??= exposeGc();
  gc();
  gc();
}
