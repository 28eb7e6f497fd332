import { type ArrayParameter, parseSignature, type Signature } from '../backend/parse-signature.js';
import { signatures } from '../backend/signatures.js';
import { elementCount } from '../core/shape.js';
import {
  type CapturedArgument,
  type CapturedCall,
  type CapturedGraph,
  type CapturedValue,
  dependentValues,
  isArray,
  scriptSignatures,
} from './captured-graph.js';

type Arguments = CapturedCall['args'];

/** The arguments of a call for fewer samples. */
type Scale = (args: Arguments, samples: Samples) => Arguments | undefined;

/**
 * The graph that computes `size` samples of an input that has `samples`, or undefined unless every sample is certain to be
 * computed independently of the others, in one block of each value. Such a graph can run for one part of the batch after the other.
 */
export function ofSomeSamples(
  graph: CapturedGraph,
  samples: number,
  size: number,
): CapturedGraph | undefined {
  const dependent = dependentValues(graph);
  const scaled = new Map<CapturedValue, CapturedValue>();
  for (const value of dependent) {
    if (value.length % samples !== 0) return undefined;
    scaled.set(value, { ...value, length: (value.length / samples) * size });
  }
  const ofPart = new Samples(samples, size, dependent);
  const replace = (value: CapturedValue) => scaled.get(value) ?? value;
  const calls: CapturedCall[] = [];
  for (const call of graph.calls) {
    const { operation, args, reads, writes } = call;
    if (!writes.some((value) => dependent.has(value))) {
      calls.push(call);
      continue;
    }
    const scaledArgs = scaleOf(operation)(args, ofPart);
    if (scaledArgs === undefined) return undefined;
    const entries = Object.entries(scaledArgs).map(([name, argument]): [string, CapturedArgument] => [
      name,
      isArray(argument) ? { ...argument, value: replace(argument.value) } : argument,
    ]);
    calls.push({
      operation,
      args: Object.fromEntries(entries),
      reads: reads.map(replace),
      writes: writes.map(replace),
    });
  }
  const { input, output, outputShape, values } = graph;
  // A result that is no value of the batch would be written by every part.
  if (!dependent.has(output)) return undefined;
  return { input: replace(input), output: replace(output), outputShape, values: values.map(replace), calls };
}

/** The batch, and the part of it that a graph is made for. */
class Samples {
  constructor(
    readonly all: number,
    readonly some: number,
    readonly dependent: ReadonlySet<CapturedValue>,
  ) {}

  /** The part of a count of equal things that each sample has the same number of. */
  partOf(count: number): number | undefined {
    return count % this.all === 0 ? (count / this.all) * this.some : undefined;
  }

  /** Whether an argument is a value of the batch, of which the call uses all. */
  isWhole(argument: CapturedArgument, length: number): boolean {
    return (
      isArray(argument) &&
      this.dependent.has(argument.value) &&
      argument.offset === 0 &&
      argument.value.length === length
    );
  }

  /** Whether an argument has the same values for every sample. */
  isShared(argument: CapturedArgument): boolean {
    return !isArray(argument) || !this.dependent.has(argument.value);
  }
}

const never: Scale = () => undefined;

const special: Readonly<Record<string, Scale>> = {
  // Whether a value is dropped depends on its index in the whole batch.
  dropout: never,
  matmul: (args, samples) => (args.transposeA === true ? undefined : byFirstSize('matmul')(args, samples)),
  stridedCopy: scaleCopy,
};

const everySignature: Readonly<Record<CapturedCall['operation'], readonly string[]>> = {
  ...signatures,
  ...scriptSignatures,
};

function signatureOf(operation: CapturedCall['operation']): Signature {
  return parseSignature(everySignature[operation]);
}

function scaleOf(operation: CapturedCall['operation']): Scale {
  const { parameters } = signatureOf(operation);
  if (Object.hasOwn(special, operation)) return special[operation];
  return parameters.some(({ name }) => name === 'rightLength') ? scaleArithmetic : byFirstSize(operation);
}

/**
 * For operations whose first size is that of the outermost axis: the arrays with that axis are values of the batch, the
 * others are the same for all samples. An operation that sums over the axis writes one of these, which makes it a value of
 * the batch.
 */
function byFirstSize(operation: CapturedCall['operation']): Scale {
  const { parameters, returns } = signatureOf(operation);
  const [first] = parameters;
  const arrays = parameters.filter((each): each is ArrayParameter => each.kind === 'array');
  const hasFirst = ({ length }: ArrayParameter) =>
    length.filter((factor) => factor === first.name).length === 1;
  if (returns !== undefined || first.kind !== 'size') return never;
  return (args, samples) => {
    const count = samples.partOf(args[first.name] as number);
    const fits = arrays.every((each) => {
      const argument = args[each.name];
      if (argument === null || !hasFirst(each)) return samples.isShared(argument);
      const factors = each.length.map((factor) =>
        typeof factor === 'number' ? factor : (args[factor] as number),
      );
      return samples.isWhole(argument, elementCount(factors));
    });
    return count !== undefined && fits ? { ...args, [first.name]: count } : undefined;
  };
}

/** The right side may be a value of the batch, one row for all samples, or a number. */
function scaleArithmetic(args: Arguments, samples: Samples): Arguments | undefined {
  const [rows, columns, rightLength] = [args.rows, args.columns, args.rightLength].map(Number);
  const { a, b, out } = args;
  const length = rows * columns;
  if (!samples.isWhole(a, length) || !samples.isWhole(out, length)) return undefined;
  const part = samples.partOf(length);
  if (part === undefined) return undefined;
  if (rightLength === length) {
    return samples.isWhole(b, length) ? { ...args, rows: 1, columns: part, rightLength: part } : undefined;
  }
  if (!samples.isShared(b)) return undefined;
  if (rightLength === 1) return { ...args, rows: 1, columns: part };
  const someRows = samples.partOf(rows);
  return someRows === undefined ? undefined : { ...args, rows: someRows };
}

/** The outermost axis of more than one element must be that of the samples in both arrays. */
function scaleCopy(args: Arguments, samples: Samples): Arguments | undefined {
  const axes = [0, 1, 2, 3, 4];
  const sizes = axes.map((axis) => Number(args[`size${axis}`]));
  const outer = sizes.findIndex((size) => size > 1);
  const size = outer < 0 ? undefined : samples.partOf(sizes[outer]);
  if (size === undefined) return undefined;
  const perSample = sizes[outer] / samples.all;
  const partOf = (array: CapturedArgument, strides: readonly number[]) => {
    if (!isArray(array) || samples.isShared(array)) return undefined;
    const { value, offset } = array;
    const block = strides[outer] * perSample;
    const span = axes.slice(outer + 1).reduce((sum, axis) => sum + (sizes[axis] - 1) * strides[axis], 0);
    const last = offset + (perSample - 1) * strides[outer] + span;
    if (block * samples.all !== value.length || last >= block) return undefined;
    return block * samples.some - offset;
  };
  const lengthOf = (array: CapturedArgument, name: string) =>
    partOf(
      array,
      axes.map((axis) => Number(args[`${name}Stride${axis}`])),
    );
  const xLength = lengthOf(args.x, 'x');
  const yLength = lengthOf(args.y, 'y');
  if (xLength === undefined || yLength === undefined) return undefined;
  return { ...args, [`size${outer}`]: size, xLength, yLength };
}
