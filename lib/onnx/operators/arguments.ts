import { elementCount, type Shape } from '../../core/shape.js';
import { isTaped, storageOf, Tensor } from '../../core/tensor.js';
import { concat } from '../../ops/concat.js';
import type { AnyTensor } from '../values.js';
import type { NodeReader } from './node-reader.js';
import { type Call, chain, consume } from './operator.js';

/** Numbers that are an attribute in early opsets and an input later. */
export function listOf(node: NodeReader, name: string, index: number): readonly number[] | undefined {
  return node.list(name) ?? node.numbers(index);
}

/** The same numbers while a model runs, when an input may depend on the graph's inputs. */
export function listIn(
  node: NodeReader,
  name: string,
  call: Call,
  index: number,
): readonly number[] | undefined {
  return node.list(name) ?? call.numbers(index);
}

/** The elements with these positions along an axis. */
export function gather(call: Call, x: AnyTensor, axis: number, positions: readonly number[]): AnyTensor {
  if (!call.isConstant) return gatherAxis(x, axis, positions);
  // A small file may ask for millions of positions; an operation for each would take minutes.
  const source = storageOf(x).values;
  const y = Tensor.zeros(x.shape.map((size, i) => (i === axis ? positions.length : size)));
  const target = storageOf(y).values;
  const [size, inner] = [x.shape[axis], elementCount(x.shape.slice(axis + 1))];
  let to = 0;
  for (let from = 0; to < target.length; from += size * inner) {
    for (const position of positions) {
      const begin = from + position * inner;
      for (let i = 0; i < inner; i++) target[to++] = source[begin + i];
    }
  }
  return y;
}

/** As `gather`, by operations. Ascending positions and pixels that are repeated equally often are few copies. */
export function gatherAxis(x: AnyTensor, axis: number, positions: readonly number[]): AnyTensor {
  if (positions.length === 0) return x.slice({ axis, start: 0, end: 0 });
  const parts: AnyTensor[] = [];
  const plateaus = plateausOf(positions);
  for (let i = 0; i < plateaus.length;) {
    const { position: start, times } = plateaus[i];
    // As many plateaus of this length as follow each other by one step.
    let next = i + 1;
    const step = Math.max(1, (plateaus[next]?.position ?? start) - start);
    const isNext = (each: Plateau | undefined) =>
      each?.times === times && each.position === start + (next - i) * step;
    while (isNext(plateaus[next])) next++;
    const part = x.slice({ axis, start, end: start + (next - i - 1) * step + 1, step });
    parts.push(times === 1 ? part : consume(part, (each) => repeated(each, axis, times)));
    i = next;
  }
  if (parts.length === 1) return parts[0];
  const joined = concat(parts, { axis });
  for (const part of parts) if (!isTaped(part)) part.dispose();
  return joined;
}

/** Equal positions that follow each other. */
interface Plateau {
  readonly position: number;
  times: number;
}

function plateausOf(positions: readonly number[]): readonly Plateau[] {
  const plateaus: Plateau[] = [];
  for (const position of positions) {
    const last = plateaus.at(-1);
    if (last?.position === position) last.times++;
    else plateaus.push({ position, times: 1 });
  }
  return plateaus;
}

/** Each element along an axis several times. */
function repeated(x: AnyTensor, axis: number, times: number): AnyTensor {
  const [outer, size, inner] = [x.shape.slice(0, axis), x.shape[axis], x.shape.slice(axis + 1)];
  return chain(
    x,
    (each) => each.reshape([...outer, size, 1, ...inner]),
    (each) => concat(Array<AnyTensor>(times).fill(each), { axis: axis + 1 }),
    (each) => each.reshape([...outer, size * times, ...inner]),
  );
}

/** A tensor with the same value everywhere. */
export function full(shape: Shape, value: number): AnyTensor {
  return value === 0 ? Tensor.zeros(shape) : Tensor.zeros(shape).add(value);
}
