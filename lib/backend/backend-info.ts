import { defineInspect } from '../printing/inspect.js';

/** The backend that the package computes with. */
export interface BackendInfo {
  /**
   * `'native'` for the C++ kernels, `'wasm'` for the same kernels compiled to WebAssembly, `'portable'` for their
   * TypeScript counterparts.
   */
  readonly name: 'native' | 'wasm' | 'portable';
  /** Instruction set of the kernels. */
  readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar' | 'wasm128' | 'js';
  /** Threads that a large operation may use, the caller's included; `setNumThreads` changes it. */
  readonly threads: number;
  /**
   * Why the native backend was not loaded, and for the portable backend, why the WebAssembly backend was not. Missing
   * for the native backend, and if `BATCHNORM_BACKEND` chose the backend.
   */
  readonly reason?: string;
}

/** The public description of a backend. `threads` is a getter because `setNumThreads` changes the number. */
export function backendInfo(
  name: BackendInfo['name'],
  isa: BackendInfo['isa'],
  threads: () => number,
  reason?: string,
): BackendInfo {
  const info: BackendInfo = {
    name,
    isa,
    get threads() {
      return threads();
    },
    ...(reason === undefined ? {} : { reason }),
  };
  // util.inspect prints a getter as [Getter], so it is given a plain copy with the number.
  defineInspect<BackendInfo, object>(info, function () {
    return { ...this };
  });
  return info;
}
