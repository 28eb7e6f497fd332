import { backend } from '#lib/backend/index';
import { parseSignature } from '#lib/backend/parse-signature';
import { signatures } from '#lib/backend/signatures';

type Method = (...args: unknown[]) => unknown;

/** Counts the calls of the backend's operations while `run` runs, by the name of the operation. */
export function backendCalls(run: () => void): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  watched(run, (name) => {
    counts[name] = (counts[name] ?? 0) + 1;
  });
  return counts;
}

/** The names of the arguments that were null, of each call of an operation while `run` runs. */
export function nullArguments(operation: keyof typeof signatures, run: () => void): readonly string[][] {
  const { parameters } = parseSignature(signatures[operation]);
  const found: string[][] = [];
  watched(run, (name, args) => {
    if (name !== operation) return;
    found.push(parameters.filter((_, i) => args[i] === null).map((parameter) => parameter.name));
  });
  return found;
}

function watched(run: () => void, onCall: (name: string, args: readonly unknown[]) => void): void {
  const methods = backend as unknown as Record<string, Method>;
  const restores: (() => void)[] = [];
  for (const [name, method] of Object.entries(methods)) {
    if (typeof method !== 'function') continue;
    methods[name] = (...args) => {
      onCall(name, args);
      return method.apply(backend, args);
    };
    restores.push(() => (methods[name] = method));
  }
  try {
    run();
  } finally {
    for (const restore of restores) restore();
  }
}
