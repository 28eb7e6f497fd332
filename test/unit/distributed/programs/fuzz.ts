import type { Group, GroupArray, Reduction } from 'batchnorm/distributed';
import { seeded } from '../../../support/random.js';

// Random calls of which some differ between ranks: in kind, length, type, root or form, or one rank leaves a call out.

interface Spec {
  readonly kind: 'allGather' | 'sum' | 'allReduce' | 'broadcast' | 'barrier';
  readonly length: number;
  readonly isDouble: boolean;
  readonly reduction: Reduction;
  readonly root: number;
  readonly isAsync: boolean;
}

function drawSpec(random: () => number, size: number): Spec {
  const pick = <T>(...choices: T[]) => choices[Math.floor(random() * choices.length)];
  return {
    kind: pick('allGather', 'sum', 'allReduce', 'broadcast', 'barrier'),
    length: pick(0, 1, 3, 250, 251, 40_000),
    isDouble: random() < 0.5,
    reduction: pick('sum', 'mean', 'min', 'max'),
    root: Math.floor(random() * size),
    isAsync: random() < 0.2,
  };
}

const valueOf = (rank: number, index: number, call: number) => ((rank * 31 + index * 7 + call) % 1000) / 8;

function valuesOf({ length, isDouble }: Spec, rank: number, call: number): GroupArray {
  const values = isDouble ? new Float64Array(length) : new Float32Array(length);
  return values.map((_, i) => valueOf(rank, i, call));
}

/** The first and the last element that a call has to give, computed from those of every rank. */
function expectedOf(spec: Spec, size: number, call: number): number[] {
  const ranks = Array.from({ length: size }, (_, rank) => rank);
  const at = (i: number) => {
    const values = ranks.map((rank) => valueOf(rank, i, call));
    const sum = values.reduce((a, b) => a + b);
    const round = spec.isDouble ? (x: number) => x : Math.fround;
    if (spec.kind === 'broadcast') return valueOf(spec.root, i, call);
    if (spec.kind === 'sum' || spec.reduction === 'sum') return round(sum);
    if (spec.reduction === 'mean') return round(sum / size);
    return spec.reduction === 'min' ? Math.min(...values) : Math.max(...values);
  };
  if (spec.length === 0 || spec.kind === 'barrier') return [];
  if (spec.kind === 'allGather') return [valueOf(0, 0, call), valueOf(size - 1, spec.length - 1, call)];
  return [at(0), at(spec.length - 1)];
}

const options = { timeout: 1000 };

async function make(group: Group, spec: Spec, call: number): Promise<GroupArray> {
  const values = valuesOf(spec, group.rank, call);
  const { kind, isAsync, reduction, root } = spec;
  switch (kind) {
    case 'allGather':
      return isAsync ? group.allGatherAsync(values, options) : group.allGather(values, options);
    case 'sum':
      return isAsync ? group.sumAsync(values, options) : group.sum(values, options);
    case 'allReduce':
      return isAsync
        ? group.allReduceAsync(values, reduction, options)
        : group.allReduce(values, reduction, options);
    case 'broadcast':
      return isAsync ? group.broadcastAsync(values, root, options) : group.broadcast(values, root, options);
    case 'barrier':
      if (isAsync) await group.barrierAsync(options);
      else group.barrier(options);
      return new Float64Array(0);
  }
}

/** Makes calls until one fails for good; returns the outcome of each: `right`, `wrong`, or the code of an error. */
export async function fuzz(group: Group, seed: number): Promise<string[]> {
  const shared = seeded(seed);
  const own = seeded(seed * 1000 + group.rank);
  const outcomes: string[] = [];
  // Ranks start at different times, but then make their calls together.
  group.barrier();
  for (let call = 0; call < 100; call++) {
    let spec = drawSpec(shared, group.size);
    const change = own();
    if (change < 0.005) continue;
    if (change < 0.04) spec = { ...spec, ...drawSpec(own, group.size), isAsync: spec.isAsync };
    if (change > 0.998) spec = { ...spec, isAsync: !spec.isAsync };
    try {
      const result = await make(group, spec, call);
      const actual = result.length === 0 ? [] : [result[0], result[result.length - 1]];
      const isRight = JSON.stringify(actual) === JSON.stringify(expectedOf(spec, group.size, call));
      outcomes.push(isRight ? 'right' : `wrong: ${JSON.stringify([spec, actual])}`);
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      outcomes.push(code);
      if (code !== 'ERR_BATCHNORM_MISMATCH') break;
    }
  }
  return outcomes;
}
