import {
  type CapturedArgument,
  type CapturedCall,
  type CapturedGraph,
  type CapturedValue,
  isArray,
} from './captured-graph.js';

/**
 * Runs each batch norm together with the ReLU after it, and with a sum in between, as `Sequential` does. The results have
 * the same bits.
 */
export function fuse(graph: CapturedGraph): CapturedGraph {
  const readers = readersOf(graph);
  const calls: CapturedCall[] = [...graph.calls];
  for (const norm of graph.calls) {
    if (norm.operation !== 'batchNormInference' || norm.args.relu === true) continue;
    const next = onlyReader(norm, graph, readers);
    const sum = next !== undefined && isSum(next, norm) ? next : undefined;
    const relu = sum === undefined ? next : onlyReader(sum, graph, readers);
    if (relu?.operation !== 'relu') continue;
    // After the sum, because what it adds may be computed after the norm.
    const place = calls.indexOf(sum ?? norm);
    calls[place] = fused(norm, sum?.args.b ?? null, relu);
    for (const replaced of [norm, relu]) {
      const i = calls.indexOf(replaced);
      if (i >= 0) calls.splice(i, 1);
    }
  }
  return { ...graph, calls };
}

function fused(norm: CapturedCall, residual: CapturedArgument, relu: CapturedCall): CapturedCall {
  const reads = isArray(residual) ? [...norm.reads, residual.value] : norm.reads;
  const args = { ...norm.args, relu: true, residual, y: relu.args.y };
  return { operation: 'batchNormInference', args, reads: [...new Set(reads)], writes: relu.writes };
}

/** Whether a call adds a tensor of the same shape to the whole result of the norm. */
function isSum(call: CapturedCall, norm: CapturedCall): boolean {
  const { a, b, rightLength } = call.args;
  const [y] = norm.writes;
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
