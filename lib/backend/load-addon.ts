import { plainError } from '../validation/errors.js';
import { accessSync } from 'node:fs';
import { toNamespacedPath } from 'node:path';
import type { Backend } from './backend.js';
import { binaryPaths, missingCopy } from './binary-paths.js';
import type { PlanCalls } from './plan-calls.js';
import { elfFault } from './elf.js';

type Floats = Float32Array | Float64Array;

/** A call on a group over MPI, with the numbers of lib/distributed/call.ts; `report` receives what others called. */
type MpiCall<Result> = (
  kind: number,
  reduction: number,
  root: number,
  number: number,
  values: Floats,
  result: Floats,
  timeout: number,
  report: Float64Array,
) => Result;

/** Groups over MPI, in native/binding/mpi.cc. */
export interface MpiAddon {
  /** Loads a library; returns why it cannot be used. */
  load(path: string): string | undefined;
  version(): string;
  /** Initializes MPI; resolves to why it cannot be. */
  start(): Promise<string | undefined>;
  rank(): number;
  size(): number;
  /** Makes a call and returns its status. */
  readonly run: MpiCall<number>;
  readonly begin: MpiCall<Promise<number>>;
  /** Starts a call on a copy of its values, whose result `collect` waits for; false if memory or a thread is missing. */
  readonly post: MpiCall<boolean>;
  /** Waits for the posted call with this number, whose result replaces its values, and returns its status. */
  collect(number: number, result: Floats, report: Float64Array): number;
  /**
   * Reduces values of all ranks into `result`, without MPI. `all` has those of rank 0, `stride` elements later those of rank
   * 1, and so on; `own` replaces those of `rank`, and may be `result`.
   */
  reduceRanks(
    reduction: number,
    rank: number,
    stride: number,
    own: Floats,
    all: Floats,
    result: Floats,
  ): void;
  /** MPI's last error. */
  error(): string;
  /** Whether MPI was finalized within this many milliseconds. */
  finalize(timeout: number): boolean;
  /** Ends all processes of the job. */
  abort(exitCode: number): void;
}

/** The addon's exports: the operations of `Backend`, the choice of ISA and threads, and MPI. */
export interface Addon extends Omit<Backend, 'info'> {
  readonly mpi: MpiAddon;
  readonly plans: PlanCalls;
  isa(): 'avx512' | 'avx2' | 'neon' | 'scalar';
  selectIsa(name: string): boolean;
  threads(): number;
}

export type LoadedAddon = { addon: Addon } | { missing: string } | { lost: string } | { broken: unknown };

/**
 * Returns the addon, or why it is unavailable: `missing` if there is no binary for this platform, `broken` if
 * the system or Node refuses to load it, `lost` if a bundler has not copied it.
 * @throws Other errors of the file system.
 */
export function loadAddon(): LoadedAddon {
  let denied: unknown;
  for (const file of binaryPaths()) {
    try {
      const fault = process.platform === 'linux' ? elfFault(file) : undefined;
      return fault === undefined
        ? { addon: open(file) }
        : { broken: plainError('ERR_BATCHNORM_BACKEND', fault) };
    } catch (error) {
      if (isKind(error, refused)) return { broken: error };
      if (isKind(error, forbidden)) {
        denied ??= error; // perhaps only because a folder around a bundle is not readable
      } else if (!isKind(error, absent)) {
        throw error;
      }
    }
  }
  const lost = missingCopy();
  if (lost !== undefined) return { lost };
  if (denied !== undefined) return { broken: denied };
  return { missing: `no native binary for ${process.platform}-${process.arch} is present` };
}

const absent = ['ENOENT', 'ENOTDIR'];
const refused = ['ERR_DLOPEN_FAILED', 'ERR_DLOPEN_DISABLED'];
/** From the system, Node's permission model and Deno's. */
const forbidden = ['EACCES', 'ERR_ACCESS_DENIED', 'NotCapable'];

/**
 * Loads the addon as `require` would, in a form that bundlers do not rewrite. If the process has loaded it
 * before, as workers and test runners do, each load returns its own functions.
 */
function open(file: string): Addon {
  accessSync(file); // dlopen has the same code for a missing file and a broken one
  const module = { exports: {} };
  process.dlopen(module, toNamespacedPath(file));
  return module.exports as Addon;
}

/**
 * Whether an error has one of these codes or, if it has no code, one of these names. It may come from another
 * realm: in a vm context, as in Jest, the errors of node:fs are not instances of the context's Error.
 */
function isKind(error: unknown, kinds: readonly string[]): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, name } = error as { code?: unknown; name?: unknown };
  return kinds.includes(String(code ?? name));
}
