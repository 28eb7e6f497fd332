import {
  addValue,
  type CapturedArgument,
  type CapturedArray,
  type CapturedCall,
  type CapturedGraph,
  type CapturedValue,
  isArray,
} from './captured-graph.js';

/** A convolution or a linear layer, and the batch norm that is the only reader of its result. */
export interface NormPair {
  readonly weight: CapturedValue;
  readonly layerBias: CapturedValue | undefined;
  readonly scale: CapturedValue;
  readonly shift: CapturedValue;
  readonly mean: CapturedValue;
  readonly variance: CapturedValue;
  readonly epsilon: number;
}

/** The weights and the bias of the layer that replaces a pair. */
export interface FoldedPair {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** The calls of a layer without a norm. */
interface LayerCalls {
  /** `conv2d` or `matmul`. */
  readonly compute: CapturedCall;
  /** Adds the bias of a linear layer that has one. */
  readonly sum: CapturedCall | undefined;
  readonly weight: CapturedValue;
  readonly layerBias: CapturedValue | undefined;
}

/**
 * Folds each batch norm into the convolution or linear layer before it, if nothing else reads the result in between, and
 * neither the weights nor the statistics depend on the input. The results are bit-identical to a model in which `fold`
 * has replaced the layers.
 * @param canFold Whether a norm may be folded into a layer with these weights.
 * @param fold Computes the weights of the layer that replaces a pair.
 */
export function foldNorms(
  graph: CapturedGraph,
  canFold: (weight: CapturedValue) => boolean,
  fold: (pair: NormPair) => FoldedPair,
): CapturedGraph {
  const finder = new CallFinder(graph);
  const values = [...graph.values];
  const replacements = new Map<CapturedCall, readonly CapturedCall[]>();
  for (const norm of graph.calls) {
    const layer = norm.operation === 'batchNormInference' ? finder.layerBefore(norm) : undefined;
    const pair = layer === undefined ? undefined : pairOf(layer, norm);
    const { y } = norm.args;
    if (layer === undefined || pair === undefined || !isArray(y) || !canFold(layer.weight)) continue;
    const { weight, bias } = fold(pair);
    const links = linksOf(
      layer,
      norm,
      addValue(values, weight.length, weight),
      addValue(values, bias.length, bias),
    );
    let x = y;
    const calls = links.map((link, i) => {
      const result = i === links.length - 1 ? y : addValue(values, lengthOf(norm));
      const call = link(x, result);
      x = result;
      return call;
    });
    // A residual may be computed between the layer and the norm.
    replacements.set(layer.compute, calls.slice(0, 1));
    if (layer.sum !== undefined) replacements.set(layer.sum, []);
    replacements.set(norm, calls.slice(1));
  }
  return { ...graph, values, calls: graph.calls.flatMap((call) => replacements.get(call) ?? [call]) };
}

/** Finds the calls before a norm. */
class CallFinder {
  readonly #output: CapturedValue;
  readonly #writers: ReadonlyMap<CapturedValue, readonly CapturedCall[]>;
  readonly #readers: ReadonlyMap<CapturedValue, readonly CapturedCall[]>;

  constructor({ calls, output }: CapturedGraph) {
    this.#output = output;
    this.#writers = callsOf(calls, ({ writes }) => writes);
    this.#readers = callsOf(calls, ({ reads }) => reads);
  }

  /** The layer whose result a norm normalizes by its channels, if nothing else reads that result. */
  layerBefore(norm: CapturedCall): LayerCalls | undefined {
    const { images, channels, plane, x } = norm.args;
    const last = this.#writerOf(x, norm);
    if (last?.operation === 'conv2d') {
      const { args } = last;
      const isSame =
        args.images === images &&
        product(args.groups, args.outChannels) === channels &&
        product(args.outHeight, args.outWidth) === plane;
      return isSame ? layerOf(last, undefined, args.bias) : undefined;
    }
    const sum = last?.operation === 'add' ? last : undefined;
    const matmul = sum === undefined ? last : this.#writerOf(sum.args.a, sum);
    if (matmul?.operation !== 'matmul') return undefined;
    const { rows, columns, transposeA, transposeB } = matmul.args;
    const isSame =
      rows === images && columns === channels && plane === 1 && transposeB === true && transposeA === false;
    const isBias = sum === undefined || (sum.args.columns === columns && sum.args.rightLength === columns);
    return isSame && isBias ? layerOf(matmul, sum, sum?.args.b ?? null) : undefined;
  }

  /** The call that computes the whole value that is read as this argument, and only there. */
  #writerOf(argument: CapturedArgument, reader: CapturedCall): CapturedCall | undefined {
    if (!isArray(argument) || argument.offset !== 0 || argument.value === this.#output) return undefined;
    const { value } = argument;
    const writers = this.#writers.get(value) ?? [];
    const uses = Object.values(reader.args).filter((each) => isArray(each) && each.value === value);
    const isOnly = this.#readers.get(value)?.length === 1 && uses.length === 1 && writers.length === 1;
    return isOnly && lengthOf(reader) === value.length ? writers[0] : undefined;
  }
}

/** The number of elements that a norm or a sum reads. */
function lengthOf({ operation, args }: CapturedCall): number {
  return operation === 'add'
    ? product(args.rows, args.columns)
    : product(args.images, product(args.channels, args.plane));
}

function product(a: CapturedArgument, b: CapturedArgument): number {
  return Number(a) * Number(b);
}

function callsOf(
  calls: readonly CapturedCall[],
  valuesOf: (call: CapturedCall) => readonly CapturedValue[],
): ReadonlyMap<CapturedValue, readonly CapturedCall[]> {
  const all = new Map<CapturedValue, CapturedCall[]>();
  for (const call of calls) {
    for (const value of valuesOf(call)) {
      const known = all.get(value);
      if (known === undefined) all.set(value, [call]);
      else known.push(call);
    }
  }
  return all;
}

function layerOf(
  compute: CapturedCall,
  sum: CapturedCall | undefined,
  bias: CapturedArgument,
): LayerCalls | undefined {
  const weight = wholeConstant(compute.args[compute.operation === 'matmul' ? 'b' : 'weight']);
  const layerBias = bias === null ? undefined : wholeConstant(bias);
  if (weight === undefined || (bias !== null && layerBias === undefined)) return undefined;
  return { compute, sum, weight, layerBias };
}

/** The value of an argument that does not depend on the input, unless it is a part of the value. */
function wholeConstant(argument: CapturedArgument): CapturedValue | undefined {
  if (!isArray(argument) || argument.offset !== 0) return undefined;
  const { kind } = argument.value;
  return kind === 'parameter' || kind === 'constant' ? argument.value : undefined;
}

function pairOf({ weight, layerBias }: LayerCalls, { args }: CapturedCall): NormPair | undefined {
  const [scale, shift, mean, variance] = [args.scale, args.bias, args.runningMean, args.runningVar].map(
    wholeConstant,
  );
  if (scale === undefined || shift === undefined || mean === undefined || variance === undefined) {
    return undefined;
  }
  return { weight, layerBias, scale, shift, mean, variance, epsilon: Number(args.epsilon) };
}

/** Makes a call that reads one result, if there is one before it, and writes the next. */
type Link = (x: CapturedArray, y: CapturedArray) => CapturedCall;

/** The layer with folded weights, and what ran together with the norm. */
function linksOf(
  { compute, sum }: LayerCalls,
  norm: CapturedCall,
  weight: CapturedArray,
  bias: CapturedArray,
) {
  const { args } = compute;
  const links: Link[] = [];
  if (compute.operation === 'conv2d') {
    links.push((_x, y) => callOf('conv2d', { ...args, weight, bias }, { y }));
  } else {
    const { rows, columns } = args;
    const layout = sum === undefined ? { rows, columns, rightLength: columns } : sum.args;
    links.push((_x, c) => callOf('matmul', { ...args, b: weight }, { c }));
    links.push((a, out) => callOf('add', { ...layout, a, b: bias }, { out }));
  }
  if (norm.args.relu === true) {
    const n = lengthOf(norm);
    const { residual } = norm.args;
    if (residual !== null) {
      const layout = { rows: 1, columns: n, rightLength: n };
      links.push((a, out) => callOf('add', { ...layout, a, b: residual }, { out }));
    }
    links.push((x, y) => callOf('relu', { n, x }, { y }));
  }
  return links;
}

/** A call; `results` are its last arguments. */
function callOf(
  operation: CapturedCall['operation'],
  inputs: Readonly<Record<string, CapturedArgument>>,
  results: Readonly<Record<string, CapturedArray>>,
): CapturedCall {
  const args = { ...inputs, ...results };
  const writes = Object.values(results).map(({ value }) => value);
  const arrays = Object.values(args).filter(isArray);
  const reads = arrays.filter(({ value }) => !writes.includes(value)).map(({ value }) => value);
  return { operation, args, reads: [...new Set(reads)], writes };
}
