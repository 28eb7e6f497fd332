import { intercepted, type OperationName } from '../backend/intercept.js';
import { type Parameter, parseSignature } from '../backend/parse-signature.js';
import { signatures } from '../backend/signatures.js';
import { observed, observer } from '../core/observer.js';
import { elementCount, type Shape } from '../core/shape.js';
import { isTaped, isTensor, storageOf, Tensor } from '../core/tensor.js';
import type { ScriptOperation } from '../ops/script-operations.js';
import { infer, tensorsOf } from '../nn/compose/part.js';
import { layerType } from '../nn/layer-description.js';
import { type CodedError, wrongType } from '../validation/errors.js';
import { isFloat32Array } from '../validation/typed-array.js';
import { captureError, isCaptureError, nameModel } from './capture-error.js';
import { CaptureMemory } from './capture-memory.js';
import type { CapturedArgument, CapturedCall, CapturedGraph, CapturedValue } from './captured-graph.js';
import { isArray, scriptSignatures } from './captured-graph.js';
import { sameBits } from './same-bits.js';
import { ValueTable } from './value-table.js';

// Operations are not computed during a capture: their results are noise. The model runs twice, on different noise. If it
// then makes other calls or uses other constants, it depends on values, or on a random generator.

/** How many elements of a result get noise: enough for a reader to notice. */
const noiseLength = 4096;

/** The parameters of every operation that can be captured. */
const parametersOf = new Map<string, readonly Parameter[]>(
  Object.entries({ ...signatures, ...scriptSignatures }).map(([name, signature]) => [
    name,
    parseSignature(signature).parameters,
  ]),
);

/**
 * Lists the calls of the backend that a model's `forward` makes for an input of this shape. The model is not computed and
 * does not change.
 *
 * To read the result, go through `calls` in order. A call names its operation and has its arguments by name, as they are
 * described in lib/backend/signatures.js: the sizes and settings of a convolution, and for `x`, `weight`, `bias` and `y` the
 * values that it reads and writes. Two calls belong together when one reads what the other writes; compare values by
 * identity. Element-wise operations know only the number of elements: their shape is that of the value they write. A reshape
 * is no call; it shows where a value is used in another shape than its own. `permute`, `slice`, `concat` and broadcasting are
 * calls of `stridedCopy`; `concat` writes one value in several of them.
 *
 * @param model A module without a tape in `forward`, from one tensor to one tensor.
 * @param shape Shape of the input.
 * @throws Error with the code ERR_BATCHNORM_CAPTURE, naming the module, if `forward` does more than call operations; errors
 * of the model.
 */
export function capture(model: object, shape: Shape): CapturedGraph {
  if (observer !== undefined) throw captureError('it captures another model');
  const root = layerType(model);
  try {
    const first = record(model, shape, 1, undefined);
    record(model, shape, 2, first);
    return pruned(first);
  } catch (error) {
    throw isCaptureError(error) ? nameModel(error, root) : error;
  }
}

/**
 * Runs the model once and records its calls.
 * @param seed Determines the noise.
 * @param expected The recording that this one must equal.
 */
function record(
  model: object,
  shape: Shape,
  seed: number,
  expected: CapturedGraph | undefined,
): CapturedGraph {
  const noise = noiseOf(seed);
  const memory = new CaptureMemory();
  const input = Tensor.adopt(memory.allocate(elementCount(shape)), shape);
  fill(storageOf(input).values, noise);
  const table = new ValueTable(storageOf(input).values, shape, tensorsOf(model));
  const calls: CapturedCall[] = [];

  const note = (operation: OperationName | ScriptOperation, given: readonly unknown[]): void => {
    const call = readCall(operation, given, table);
    requireSame(call, expected?.calls[calls.length], expected);
    calls.push(call);
    for (const each of given) if (isFloat32Array(each) && table.isWritten(each)) fill(each, noise);
  };
  const onTensors = {
    allocate: (length: number) => {
      const values = memory.allocate(length);
      table.allocate(values);
      return values;
    },
    created: (values: Float32Array, of: Shape) => table.setShape(values, of),
    read: (values: Float32Array, method: string) => {
      const { kind } = table.find(values).value;
      if (kind === 'parameter' || kind === 'constant') return;
      throw captureError(`it reads values by ${method}`);
    },
    computes: (operation: string, given: readonly (number | Float32Array)[]) => {
      note(operation as ScriptOperation, given);
      return true;
    },
  };
  const result = observed(onTensors, () =>
    intercepted(
      (operation, given) => {
        if (parseSignature(signatures[operation]).returns !== undefined) {
          throw captureError(`it computes a number (${operation})`);
        }
        note(operation, given);
        return undefined;
      },
      () => infer(model, input),
    ),
  );
  if (!isTensor(result)) throw wrongType('the result of forward()', 'a Tensor', result);
  if (isTaped(result)) throw captureError('its result has a tape');
  if (expected !== undefined && calls.length < expected.calls.length) throw differs();
  const { value, offset } = table.use(storageOf(result).values);
  if (offset !== 0 || (value.kind === 'constant' && elementCount(result.shape) > 0)) {
    throw captureError('JavaScript computes its result');
  }
  const outputShape = result.shape;
  return { input: table.input, output: value, outputShape, values: table.values, calls };
}

/** The call with the values in place of the arrays. */
function readCall(
  operation: OperationName | ScriptOperation,
  given: readonly unknown[],
  table: ValueTable,
): CapturedCall {
  const args: Record<string, CapturedArgument> = {};
  const reads = new Set<CapturedValue>();
  const writes = new Set<CapturedValue>();
  const parameters = parametersOf.get(operation) ?? [];
  // Inputs first: the result may be a part of a value that the call reads.
  for (const written of [false, true]) {
    parameters.forEach((parameter, i) => {
      const { name } = parameter;
      const argument = given[i];
      if (parameter.kind !== 'array') {
        args[name] = argument as number | boolean;
      } else if (parameter.written === written) {
        const isRead = parameter.condition === undefined || args[parameter.condition] === true;
        if (argument === null || !isRead) {
          args[name] = null;
        } else if (!isFloat32Array(argument)) {
          throw captureError(`it calls ${operation}, which is no operation of inference`);
        } else {
          const array = written ? table.write(argument) : table.read(argument);
          args[name] = array;
          (written ? writes : reads).add(array.value);
        }
      }
    });
  }
  const ordered = Object.fromEntries(parameters.map(({ name }) => [name, args[name]]));
  return { operation, args: ordered, reads: [...reads], writes: [...writes] };
}

/** @throws Error unless the second run makes the same call as the first. */
function requireSame(
  call: CapturedCall,
  other: CapturedCall | undefined,
  expected: CapturedGraph | undefined,
): void {
  if (expected === undefined) return;
  if (other?.operation !== call.operation) throw differs();
  for (const [name, argument] of Object.entries(call.args)) {
    const before = other.args[name];
    if (!isArray(argument) || !isArray(before)) {
      if (Object.is(argument, before)) continue;
      throw differs();
    }
    const [value, known] = [argument.value, before.value];
    if (value.index !== known.index || value.kind !== known.kind || argument.offset !== before.offset) {
      throw differs();
    }
    if (value.kind === 'constant' && !sameBits(value.numbers, known.numbers)) throw differs();
  }
}

function differs(): CodedError {
  return captureError('its calls depend on values or on a random generator');
}

/** Leaves out calls whose results nothing reads. */
function pruned(graph: CapturedGraph): CapturedGraph {
  const used = new Set([graph.output]);
  const calls: CapturedCall[] = [];
  for (const call of graph.calls.toReversed()) {
    if (!call.writes.some((value) => used.has(value))) continue;
    calls.push(call);
    for (const value of call.reads) used.add(value);
  }
  return { ...graph, calls: calls.reverse() };
}

function noiseOf(seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: noiseLength }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function fill(values: Float32Array, noise: Float32Array): void {
  values.set(values.length < noise.length ? noise.subarray(0, values.length) : noise);
}
