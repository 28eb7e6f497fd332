import { backend } from './index.js';
import type { Operations } from './operations.js';
import { signatures, systemCalls } from './signatures.js';

/** A call that computes something, unlike those about memory and threads. */
export type OperationName = Exclude<keyof Operations, (typeof systemCalls)[number]>;

/** Receives a call instead of the backend; its result becomes the result of the call. */
export type Interceptor = (operation: OperationName, args: readonly unknown[]) => unknown;

const system: ReadonlySet<string> = new Set(systemCalls);

/** The names of all operations that compute something. */
export const operationNames = Object.keys(signatures).filter((name) => !system.has(name)) as OperationName[];

/** Runs a function that calls `interceptor` instead of the backend's operations. */
export function intercepted<R>(interceptor: Interceptor, run: () => R): R {
  const functions = backend as Record<OperationName, unknown>;
  const originals = operationNames.map((name) => [name, functions[name]] as const);
  for (const name of operationNames) {
    functions[name] = (...args: unknown[]) => interceptor(name, args);
  }
  try {
    return run();
  } finally {
    for (const [name, original] of originals) functions[name] = original;
  }
}
