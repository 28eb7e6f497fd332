import { plainError } from '../validation/errors.js';
import { quote } from '../validation/quote.js';
import type { Group } from './group.js';

/** The texts of all ranks, by rank. */
export function allGatherText(group: Group, text: string): readonly string[] {
  const lengths = group.allGather(Float64Array.of(text.length));
  const longest = Math.max(...lengths);
  const own = new Float64Array(longest);
  for (let i = 0; i < text.length; i++) own[i] = text.charCodeAt(i);
  const gathered = group.allGather(own);
  return Array.from(lengths, (length, rank) => {
    const units = gathered.subarray(rank * longest, rank * longest + length);
    let result = '';
    for (const unit of units) result += String.fromCharCode(unit);
    return result;
  });
}

/** A property that must be the same on every rank, and its value as shown in a message. */
export type Property = readonly [name: string, value: string];

/**
 * Compares the properties of all ranks with those of rank 0.
 * @throws Error on every rank, naming the first difference and both values.
 */
export function requireSame(group: Group, properties: readonly Property[]): void {
  const [first, ...others] = allGatherText(group, JSON.stringify(properties)).map(
    (text) => JSON.parse(text) as readonly Property[],
  );
  for (const [i, other] of others.entries()) {
    const difference = differenceOf(first, other);
    if (difference === undefined) continue;
    const [name, of0, ofOther] = difference;
    throw plainError(
      'ERR_BATCHNORM_MISMATCH',
      `Expected the same ${name} on every rank, but rank 0 has ${of0} and rank ${i + 1} has ${ofOther}`,
    );
  }
}

/** The name and both values of the first property that differs. */
function differenceOf(
  a: readonly Property[],
  b: readonly Property[],
): readonly [name: string, a: string, b: string] | undefined {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [name, value] = a[i] ?? [];
    const [otherName, otherValue] = b[i] ?? [];
    if (name === otherName && value === otherValue) continue;
    if (name === otherName) return [name ?? '', value ?? '', otherValue ?? ''];
    return ['parameters', place(name), place(otherName)];
  }
  return undefined;

  function place(name: string | undefined): string {
    return name === undefined ? 'none at this place' : quote(name);
  }
}

/**
 * Runs a step that may fail on some ranks only.
 * @throws On a rank that failed, its error; on the others, an error that names the first rank that failed.
 */
export async function together<R>(group: Group, what: string, run: () => Promise<R>): Promise<R> {
  let result: R | undefined;
  let error: unknown;
  let failed = false;
  try {
    result = await run();
  } catch (caught) {
    failed = true;
    error = caught;
  }
  const failures = await group.allGatherAsync(Float64Array.of(failed ? 1 : 0));
  const rank = failures.indexOf(1);
  if (rank < 0) return result as R;
  const messages = allGatherText(group, failed ? String((error as Error | undefined)?.message ?? error) : '');
  if (failed) throw error;
  throw plainError('ERR_BATCHNORM_PEER', `Rank ${rank} failed ${what}: ${messages[rank]}`);
}
