import type { Layer } from '../../nn/shape-rule.js';
import { lastReads, type Plan, type Step } from './plan.js';

/** The operators whose result is that of their layer, in the same shape. */
const foldable = new Set(['Conv', 'Gemm']);

/**
 * Joins each layer with the batch norm that alone reads its result.
 * @param foldPair The layer that replaces both; undefined if they cannot be joined.
 * @param copy Copies another layer.
 */
export function foldPlan(
  plan: Plan,
  layers: readonly Layer[],
  foldPair: (layer: Layer, next: Layer) => Layer | undefined,
  copy: (layer: Layer) => Layer,
): { readonly plan: Plan; readonly layers: readonly Layer[] } {
  const readers = readersOf(plan);
  const folded: Step[] = [];
  const newLayers: Layer[] = [];
  const names: string[] = [];
  const joined = new Set<Step>();
  const add = (step: Step, layer: Layer): Step => {
    names.push(plan.layerNames[step.layer]);
    return { ...step, layer: newLayers.push(layer) - 1 };
  };
  for (const step of plan.steps) {
    if (joined.has(step)) continue;
    if (step.layer < 0) {
      folded.push(step);
      continue;
    }
    const next = onlyReader(step, readers);
    const pair = next && foldPair(layers[step.layer], layers[next.layer]);
    if (next === undefined || pair === undefined) {
      folded.push(add(step, copy(layers[step.layer])));
    } else {
      joined.add(next);
      folded.push({ ...add(step, pair), outputs: next.outputs });
    }
  }
  return {
    layers: newLayers,
    plan: {
      ...plan,
      steps: folded,
      layerNames: names,
      unused: lastReads(folded, plan.inputs, plan.outputs),
    },
  };
}

/** The steps that read each value; undefined among them for an output of the graph. */
function readersOf({ steps, outputs }: Plan): ReadonlyMap<number, readonly (Step | undefined)[]> {
  const readers = new Map<number, (Step | undefined)[]>();
  const note = (value: number, step: Step | undefined) => {
    const known = readers.get(value);
    if (known === undefined) readers.set(value, [step]);
    else known.push(step);
  };
  for (const step of steps) for (const value of step.inputs) note(value, step);
  for (const { value } of outputs) note(value, undefined);
  return readers;
}

/** The batch norm that reads a step's result, if nothing else does. */
function onlyReader(
  step: Step,
  readers: ReadonlyMap<number, readonly (Step | undefined)[]>,
): Step | undefined {
  if (!foldable.has(step.operator)) return undefined;
  const [reader, ...others] = readers.get(step.outputs[0]) ?? [];
  const isNorm = reader?.operator === 'BatchNormalization' && reader.layer >= 0;
  return isNorm && others.length === 0 ? reader : undefined;
}
