import { type CodedError, plainError } from '../validation/errors.js';
import { describeHeader, headerLength } from './call.js';

// The errors of calls on a group, worded alike for every transport.

/** An Error for ranks that make different calls. `headers` holds those of all ranks. */
export function mismatch(headers: Float64Array, rank: number, other: number): CodedError {
  return plainError(
    'ERR_BATCHNORM_MISMATCH',
    `Expected the same call on every rank but rank ${rank} called ${describeHeader(headers, rank * headerLength)} ` +
      `and rank ${other} called ${describeHeader(headers, other * headerLength)}`,
    undefined,
    mismatch,
  );
}

/** An Error for a call that waited too long; `state` describes the ranks that are missing. */
export function timedOut(rank: number, call: string, timeout: number, state: string): CodedError {
  return plainError(
    'ERR_BATCHNORM_TIMEOUT',
    `Rank ${rank} waited ${timeout} ms in ${call}: ${state}. The group cannot be used any more`,
    undefined,
    timedOut,
  );
}

/** An Error for a call that cannot complete because another rank ended or aborted. */
export function peerEnded(rank: number, call: string, state: string): CodedError {
  return plainError(
    'ERR_BATCHNORM_PEER',
    `Rank ${rank} cannot complete ${call}: ${state}. The group cannot be used any more`,
    undefined,
    peerEnded,
  );
}
