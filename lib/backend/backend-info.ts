import { defineInspect } from '../printing/inspect.js';
import type { BackendInfo } from './backend.js';

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
