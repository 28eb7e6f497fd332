import { BatchNorm2D, storagePool } from 'batchnorm';
import { requireNear, tensorsOf } from './checks.js';
import type { Cotangent } from './graph-model.js';
import * as oracle from './oracle.js';
import { endOf, faultOf, imageFault, isUsable, type Loose, nodeOf } from './slot.js';
import { newNorm, type Norm, type State } from './state.js';
import { isTame } from './values.js';

function linear(state: State, a: number): void {
  const x = state.slot(a, (each) => isUsable(each) && each.shape.length === 2 && each.shape[1] === 3);
  const fits = x.shape.length === 2 && x.shape[1] === 3;
  const fault = faultOf(x) ?? (fits ? undefined : 'another shape');
  const forward = (input: unknown) => (state.linear as unknown as Loose).forward(input);
  const real = state.act(fault, () => forward(x.real));
  if (real === undefined) return;
  const weight = state.linear.weight.array().flat();
  const bias = state.linear.bias.array();
  const product = oracle.expectMatmul(x.values, weight, x.shape, 2, true);
  const sum = oracle.expectBinary('add', product, { values: bias, shape: [bias.length] }, product.shape);
  const slack = (i: number) => product.slack(i) + 1e-6 * Math.abs(sum.values[i]);
  const others = [state.linear.weight, state.linear.bias].map(nodeOf);
  const pull = (dy: Cotangent) => [...product.pull(dy), sum.pull(dy)[1]];
  state.result(real, [x], { ...sum, slack, exact: false, pull }, others);
  x.graph?.save(state.weight);
}

function infer(state: State, a: number, b: number): void {
  const { real: norm } = state.normAt(b);
  const x = state.slot(
    a,
    (each) => isUsable(each) && each.graph === undefined && imageFault(each.shape) === undefined,
  );
  const fault = x.graph !== undefined ? 'has a tape' : (endOf(x) ?? imageFault(x.shape));
  const real = state.act(fault, () => (norm as unknown as Loose).forward(x.real));
  if (real === undefined) return;
  const [scale, bias, mean, variance] = tensorsOf(norm);
  const expected = oracle.expectInference(x.values, x.shape, scale, bias, mean, variance, norm.epsilon);
  // If x is close to the mean, only rounding errors of x and the mean remain.
  const comparable = [scale, bias, mean, variance].every(isTame);
  state.result(real, [x], { ...expected, comparable });
}

function train(state: State, a: number, b: number): void {
  const norm = state.normAt(b);
  const { real: layer } = norm;
  const x = state.slot(
    a,
    (each) => isUsable(each) && each.graph !== undefined && imageFault(each.shape) === undefined,
  );
  const { images, plane } = oracle.layoutOf(x.shape.length < 3 ? [0, 3, 0, 0] : x.shape);
  const few = images * plane < 2 ? 'too few values' : undefined;
  const fault = x.graph === undefined ? 'has no tape' : (faultOf(x) ?? imageFault(x.shape) ?? few);
  const [scale, bias, mean, variance] = tensorsOf(layer);
  const real = state.act(fault, () => (layer as unknown as Loose).forwardMut(x.real));
  if (real === undefined) return;
  const weight = layer.momentum === 'cumulative' ? 1 / (norm.batches + 1) : layer.momentum;
  norm.batches++;
  const expected = oracle.expectTraining(x.values, x.shape, scale, bias, layer.epsilon);
  const comparable = expected.comparable === true && [scale, bias].every(isTame);
  state.result(real, [x], { ...expected, comparable }, [layer.scale, layer.bias].map(nodeOf));
  x.graph?.save(norm.scale);
  if (!comparable || ![x.values, mean, variance].every(isTame)) return;
  const now = tensorsOf(layer);
  const moved = [mean, variance].map((old, i) =>
    old.map((each, c) => (1 - weight) * each + weight * [expected.means, expected.variances][i][c]),
  );
  for (const [i, values] of moved.entries()) {
    const size = [mean, variance][i];
    values.forEach((value, c) => {
      const deviation = Math.sqrt(expected.variances[c]);
      const slack =
        2e-6 * (Math.abs(value) + Math.abs(size[c]) + (i === 0 ? deviation : 0)) +
        1e-7 * Math.abs(expected.means[c]);
      requireNear(now[2 + i][c], value, slack, i === 0 ? 'runningMean' : 'runningVar');
    });
  }
}

/** Actions on layers other than training. */
async function manage(state: State, a: number, b: number, c: number): Promise<void> {
  const norm = state.normAt(a);
  const { real } = norm;
  switch (b % 9) {
    case 0:
      real.resetParams();
      norm.scale.changes++;
      norm.batches = 0;
      break;
    case 1:
      if (state.norms.length > 3) state.norms.pop();
      state.norms.push({ ...newNorm(real.clone()), batches: norm.batches });
      if (state.norms[state.norms.length - 1].real.scale.id === real.scale.id)
        throw new Error('A clone has the same id');
      break;
    case 2:
      // Rare, because it waits for the disk.
      if (c % 8 !== 0) break;
      await real.save(state.path);
      state.file = { json: JSON.stringify(real) };
      break;
    case 3:
      await load(state, norm);
      break;
    case 4:
      real.momentum = ([0, 1, 0.25, 'cumulative'] as const)[c % 4];
      break;
    case 5:
      state.act('is not a momentum', () => (real.momentum = [-1, 2, NaN, 'x' as unknown as number][c % 4]));
      state.act('is not an epsilon', () => (real.epsilon = [0, -1, NaN, Infinity][c % 4]));
      break;
    case 6:
      real.epsilon = [1e-5, 1e-3, 1][c % 3];
      break;
    case 7:
      storagePool.clear();
      break;
    default: {
      const copy = BatchNorm2D.fromJSON(JSON.parse(JSON.stringify(real)));
      if (JSON.stringify(copy) !== JSON.stringify(real)) throw new Error('JSON does not preserve the layer');
    }
  }
}

async function load(state: State, norm: Norm): Promise<void> {
  const { real } = norm;
  const before = JSON.stringify(real);
  if (state.file === undefined) {
    const error: unknown = await real.load(state.path).catch((caught: unknown) => caught);
    if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT')
      throw new Error('A missing file was loaded', { cause: error });
    if (JSON.stringify(real) !== before) throw new Error('A failed load changed the layer');
    return;
  }
  await real.load(state.path);
  const saved = JSON.parse(state.file.json) as { momentum: unknown; batches: number };
  norm.scale.changes++;
  if (saved.momentum === 'cumulative') norm.batches = saved.batches;
  const expected = JSON.stringify({ ...saved, batches: norm.batches });
  if (JSON.stringify(real) !== expected) throw new Error(`Loaded ${JSON.stringify(real)}, saved ${expected}`);
}

/** Steps of layers. */
export const layerSteps = { linear, infer, train, manage };
