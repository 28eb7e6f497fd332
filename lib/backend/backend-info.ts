import { defineInspect } from '../printing/inspect.js';

/** What the package computes with. */
export interface BackendInfo {
  /** C++ kernels, or their TypeScript counterparts. */
  readonly name: 'native' | 'portable';
  /** Instruction set of the kernels. */
  readonly isa: 'avx512' | 'avx2' | 'neon' | 'scalar' | 'js';
  /** Threads that a large operation may use, the caller's included; `setNumThreads` changes it. */
  readonly threads: number;
  /** Why it is not the native backend, where it is not and nobody asked for the portable one. */
  readonly reason?: string;
}

/** What users see of a backend. `threads` is asked for each time, since `setNumThreads` changes it. */
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
  // util.inspect shows a getter as [Getter]; a copy has the number. What it shows then is a plain object.
  defineInspect<BackendInfo, object>(info, function () {
    return { ...this };
  });
  return info;
}
