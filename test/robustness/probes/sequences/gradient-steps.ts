import { backward, type Gradients, Sgd, type Shape, type Tensor } from 'batchnorm';
import { flat, flatOrNothing, requireNear } from './checks.js';
import { addInto } from './graph-model.js';
import { isUsable, type Slot } from './slot.js';
import type { State } from './state.js';
import { reduceTo } from './tensor-steps.js';

const lr = 0.125;
const sgd = new Sgd({ lr });

function differentiate(state: State, a: number, b: number, c: number): void {
  const isLoss = (each: Slot) =>
    each.graph?.consumed === false && each.shape.length === 0 && each.node.pull !== undefined;
  if (!state.slots.some(isLoss)) {
    const taped = (each: Slot) => isUsable(each) && each.node.pull !== undefined;
    if (state.slots.some(taped)) reduceTo(state, state.slot(a, taped), b);
  }
  const loss = state.slot(a, isLoss);
  const kept = c % 3 === 0 && state.slots.length > 0 ? [state.slot(b)] : [];
  const into = c % 4 === 1 && state.found.length > 0 ? state.found[b % state.found.length] : undefined;
  const graph = loss.graph?.root;
  const fault =
    graph === undefined || graph.consumed || loss.shape.length > 0
      ? 'is not a loss'
      : kept.some((each) => each.graph?.root !== graph)
        ? 'keeps a tensor of another graph'
        : into?.consumed === true
          ? 'adds to consumed gradients'
          : graph.stale
            ? 'a parameter was updated'
            : undefined;
  const call = backward as (loss: unknown, options: unknown) => Gradients;
  const options = {
    keep: kept.map(({ real }) => real),
    ...(into === undefined ? {} : { into: into.real }),
  };
  const real = state.act(fault, () => call(loss.real, options));
  if (real === undefined || graph === undefined) return;
  state.seen.backward++;
  const found = graph.gradients(loss.node);
  const outputs = new Set(graph.nodes.map(({ id }) => id));
  for (const slot of state.slots) {
    const isOutput = slot.graph?.root === graph && outputs.has(slot.node.id);
    if (isOutput && slot.shape.length > 0 && !kept.includes(slot)) slot.ended = true;
  }
  graph.consume();
  if (into !== undefined) {
    for (const [id, cotangent] of found) addInto(into.found, id, cotangent);
    into.tame &&= graph.tame;
    state.checkGradients(into);
  } else {
    const entry = { real, found, tame: graph.tame, consumed: false };
    state.found.push(entry);
    if (state.found.length > 3) state.found.shift();
    state.checkGradients(entry);
  }
}

function update(state: State, a: number, b: number): void {
  if (state.found.length === 0) return;
  const gradients = state.found[b % state.found.length];
  const norm = state.normAt(a);
  const useLinear = a % 3 === 0;
  const [module, parameters] = useLinear
    ? [state.linear, [state.linear.weight, state.linear.bias]]
    : [norm.real, [norm.real.scale, norm.real.bias]];
  const missing = parameters.some(({ id }) => !gradients.found.has(id));
  const fault = gradients.consumed ? 'is consumed' : missing ? 'lacks gradients' : undefined;
  const before = parameters.map(flat);
  const changes =
    fault === undefined ? parameters.map((p) => flatOrNothing(gradients.real.get(p as Tensor<Shape>))) : [];
  const done = state.act(fault, () => {
    sgd.update(module, gradients.real);
    return true;
  });
  if (done === undefined) return;
  gradients.consumed = true;
  (useLinear ? state.weight : norm.scale).changes++;
  for (const [p, parameter] of parameters.entries()) {
    flat(parameter).forEach((value, i) => {
      const expected = before[p][i] - lr * changes[p][i];
      if (!Number.isFinite(Math.fround(expected)) || !Number.isFinite(changes[p][i])) return;
      requireNear(
        value,
        expected,
        2e-7 * (Math.abs(before[p][i]) + Math.abs(lr * changes[p][i])) + 1e-44,
        'a step',
      );
    });
  }
}

/** Steps that compute gradients and use them. */
export const gradientSteps = { backward: differentiate, update };
