/** Minimum length of a sample in milliseconds; the clock's resolution would dominate a shorter one. */
const minSample = 2;
const minRounds = 3;

/**
 * Milliseconds per call of each function: the median of samples that are taken in turn, so that disturbances
 * by other programs affect all functions alike.
 */
export function measure<Name extends string>(
  calls: Readonly<Record<Name, () => void>>,
  seconds: number,
): Record<Name, number> {
  const names = Object.keys(calls) as Name[];
  const end = performance.now() + 1000 * seconds;
  const measured = names.map((name) => {
    const call = calls[name];
    sample(call, 1); // faults pages in, wakes threads
    const repeats = Math.max(1, Math.ceil(minSample / Math.max(sample(call, 1), 1e-3)));
    return { name, call, repeats, samples: [] as number[] };
  });
  for (let round = 0; round < minRounds || performance.now() < end; round++) {
    for (const { call, repeats, samples } of measured) samples.push(sample(call, repeats));
  }
  const medians = measured.map(({ name, samples }) => [name, median(samples)] as const);
  return Object.fromEntries(medians) as Record<Name, number>;
}

function sample(call: () => void, repeats: number): number {
  const begin = performance.now();
  for (let i = 0; i < repeats; i++) call();
  return (performance.now() - begin) / repeats;
}

function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
