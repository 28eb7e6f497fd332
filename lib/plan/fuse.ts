import {
  type CapturedArgument,
  type CapturedCall,
  type CapturedGraph,
  type CapturedValue,
  isArray,
} from './captured-graph.js';

/** Operations with an argument `relu`, and one for a residual that is added before. */
const fusable: ReadonlySet<string> = new Set(['batchNormInference', 'conv2dInference']);

/**
 * Runs each batch norm and each convolution together with the ReLU after it, and with a sum in between, as `Sequential`
 * does with batch norms. The results have the same bits.
 */
export function fuse(graph: CapturedGraph): CapturedGraph {
  const readers = readersOf(graph);
  const calls: CapturedCall[] = [...graph.calls];
  for (const producer of graph.calls) {
    if (!fusable.has(producer.operation) || producer.args.relu === true) continue;
    const next = onlyReader(producer, graph, readers);
    const sum = next !== undefined && isSum(next, producer) ? next : undefined;
    const relu = sum === undefined ? next : onlyReader(sum, graph, readers);
    if (relu?.operation !== 'relu') continue;
    // After the sum, because what it adds may be computed after it.
    const place = calls.indexOf(sum ?? producer);
    calls[place] = fused(producer, sum?.args.b ?? null, relu);
    for (const replaced of [producer, relu]) {
      const i = calls.indexOf(replaced);
      if (i >= 0) calls.splice(i, 1);
    }
  }
  return { ...graph, calls };
}

function fused(producer: CapturedCall, residual: CapturedArgument, relu: CapturedCall): CapturedCall {
  const reads = isArray(residual) ? [...producer.reads, residual.value] : producer.reads;
  const args = { ...producer.args, relu: true, residual, y: relu.args.y };
  return { ...producer, args, reads: [...new Set(reads)], writes: relu.writes };
}

/** Whether a call adds a tensor of the same shape to the whole result of `producer`. */
function isSum(call: CapturedCall, producer: CapturedCall): boolean {
  const { a, b, rightLength } = call.args;
  const [y] = producer.writes;
  return call.operation === 'add' && isArray(a) && a.value === y && isArray(b) && rightLength === y.length;
}

/** The call that reads a call's result, if it is the only one and reads nothing else of the kind. */
function onlyReader(
  call: CapturedCall,
  { output }: CapturedGraph,
  readers: ReadonlyMap<CapturedValue, readonly CapturedCall[]>,
): CapturedCall | undefined {
  const [y] = call.writes;
  const all = readers.get(y) ?? [];
  return y === output || all.length !== 1 ? undefined : all[0];
}

function readersOf({ calls }: CapturedGraph): ReadonlyMap<CapturedValue, readonly CapturedCall[]> {
  const readers = new Map<CapturedValue, CapturedCall[]>();
  for (const call of calls) {
    for (const value of call.reads) {
      const known = readers.get(value);
      if (known === undefined) readers.set(value, [call]);
      else known.push(call);
    }
  }
  return readers;
}
