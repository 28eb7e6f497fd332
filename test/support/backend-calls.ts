import { backend } from '#lib/backend/index';

type Method = (...args: unknown[]) => unknown;

/** Counts the calls of the backend's operations while `run` runs, by the name of the operation. */
export function backendCalls(run: () => void): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  const methods = backend as unknown as Record<string, Method>;
  const restores: (() => void)[] = [];
  for (const [name, method] of Object.entries(methods)) {
    if (typeof method !== 'function') continue;
    methods[name] = (...args) => {
      counts[name] = (counts[name] ?? 0) + 1;
      return method.apply(backend, args);
    };
    restores.push(() => (methods[name] = method));
  }
  try {
    run();
  } finally {
    for (const restore of restores) restore();
  }
  return counts;
}
