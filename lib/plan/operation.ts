import type { OperationName } from '../backend/intercept.js';
import { backend } from '../backend/index.js';
import { type ScriptOperation, scriptOperations } from '../ops/script-operations.js';

type AnyOperation = (...args: unknown[]) => unknown;

const scripts: Readonly<Record<string, unknown>> = scriptOperations;

/** The function that computes an operation. */
export function operationOf(operation: OperationName | ScriptOperation): AnyOperation {
  return (scripts[operation] ?? backend[operation as OperationName]) as AnyOperation;
}
