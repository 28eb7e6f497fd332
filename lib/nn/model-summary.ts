import { leasesStarted } from '../core/lease.js';
import type { Shape, Unless } from '../core/shape.js';
import { formatShape } from '../core/shape.js';
import { isTensor, Tensor } from '../core/tensor.js';
import { readShape } from '../core/values.js';
import { defineInspect } from '../printing/inspect.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { readParameters } from '../module/module.js';
import { releaseIntermediate } from './compose/intermediates.js';
import { asPart, infer, tensorsOf } from './compose/part.js';
import { descriptionOf, layerType } from './layer-description.js';
import { distinctTensors, hasMembers, membersOf, requireEnd } from './members.js';
import { countParameters, formatCount, headline, isNetwork, totalText } from './module-text.js';
import type { InferringLayer, ShapeProblem } from './shape-rule.js';
import { unfrozenIds } from './trainable.js';

/** A module in a model. */
export interface LayerSummary {
  /** Its path as in `parameters()`, such as `3.0.1`; empty for a model that is a single layer. */
  readonly path: string;
  /** Its class and sizes, such as `Conv2D(1, 8, 3)`. */
  readonly layer: string;
  /** Shape of its output; undefined if its `forward` was not called. That of the first call if there were several. */
  readonly outputShape: Shape | undefined;
  /** Number of values in its own tensors, without those of nested modules. */
  readonly parameters: number;
  /** How many of them an optimizer updates. */
  readonly trainable: number;
}

/** The result of `summary`. `String(result)` and `console.log` show it as a table. */
export interface ModelSummary {
  /** The modules in the order of the fields; one that is used several times occurs once. */
  readonly layers: readonly LayerSummary[];
  /** Number of values in all tensors, each tensor counted once. */
  readonly parameters: number;
  /** How many of them an optimizer updates. */
  readonly trainable: number;
  /** The table. */
  toString(): string;
}

/**
 * Lists the layers of a model with the shapes of their outputs and their parameter counts, as Keras's `summary`. Runs
 * inference once on zeros; the model does not change.
 *
 * @param model A module from one tensor to one tensor, such as a `Sequential`.
 * @param shape Shape of the input, such as [1, 3, 224, 224].
 * @throws TypeError for a model without `forward`; errors of the model for a shape that it does not accept.
 *
 * @example
 * console.log(summary(net, [1, 1, 28, 28]));
 */
export function summary<M extends InferringLayer, const S extends Shape>(
  model: M & Unless<M, ShapeProblem<M, S> & string>,
  shape: S,
): ModelSummary {
  if (arguments.length > 2) requireNoSurplus('summary', 2, arguments);
  const root: object = asPart('model', model);
  const inputShape = readShape('shape', shape as Shape);
  if (hasMembers(root)) requireEnd(root);
  else if ('parameters' in root) readParameters('model', root);
  const modules = listModules(root);
  const since = leasesStarted();
  const input = Tensor.zeros(inputShape);
  let shapes: ReadonlyMap<object, Shape>;
  try {
    shapes = outputShapes([...modules.keys()], () => {
      releaseIntermediate(infer(root, input), input, since);
    });
  } finally {
    releaseIntermediate(input, undefined, since);
  }

  const trainable = unfrozenIds(root);
  const layers = [...modules].map(([module, path]): LayerSummary => {
    const members = hasMembers(module) ? module[membersOf]() : [];
    const tensors = hasMembers(module)
      ? members.flatMap(({ tensor }) => tensor ?? [])
      : tensorsOf(module).map(([, tensor]) => tensor);
    const description = descriptionOf(module);
    const count = countParameters(tensors, trainable);
    return Object.freeze({
      path,
      layer: headline(layerType(module), description, isNetwork(description, members)),
      outputShape: shapes.get(module),
      parameters: count.total,
      trainable: count.trainable,
    });
  });
  const total = countParameters(distinctTensors(root), trainable);
  const result = { layers: Object.freeze(layers), parameters: total.total, trainable: total.trainable };
  const text = table(layers, totalText(total));
  Object.defineProperty(result, 'toString', { value: () => text });
  defineInspect(result, () => text);
  return Object.freeze(result);
}

/** The modules inside a module with their paths; the module itself if it has none. */
function listModules(root: object): ReadonlyMap<object, string> {
  const found = new Map<object, string>();
  const walk = (module: object, prefix: string): void => {
    if (!hasMembers(module)) return;
    for (const { key, tensor, value } of module[membersOf]()) {
      if (tensor !== undefined || value === root || found.has(value)) continue;
      found.set(value, `${prefix}${key}`);
      walk(value, `${prefix}${key}.`);
    }
  };
  walk(root, '');
  return found.size === 0 ? new Map([[root, '']]) : found;
}

/** Notes the shape of each module's output while `run` is running. */
function outputShapes(modules: readonly object[], run: () => void): ReadonlyMap<object, Shape> {
  const shapes = new Map<object, Shape>();
  const restores: (() => void)[] = [];
  try {
    for (const module of modules) {
      const { forward } = module as { forward?: unknown };
      if (typeof forward !== 'function' || !Object.isExtensible(module)) continue;
      const own = Object.getOwnPropertyDescriptor(module, 'forward');
      if (own?.configurable === false) continue;
      // An own method also keeps a composition from running this layer together with the next one.
      const value = function (this: unknown, ...args: unknown[]): unknown {
        const outputs = Reflect.apply(forward, this, args) as unknown;
        if (isTensor(outputs) && !shapes.has(module)) shapes.set(module, outputs.shape);
        return outputs;
      };
      Object.defineProperty(module, 'forward', { value, configurable: true, enumerable: false });
      restores.push(() => {
        if (own === undefined) Reflect.deleteProperty(module, 'forward');
        else Object.defineProperty(module, 'forward', own);
      });
    }
    run();
  } finally {
    for (const restore of restores) restore();
  }
  return shapes;
}

function table(layers: readonly LayerSummary[], total: string): string {
  const rows = layers.map(({ path, layer, outputShape, parameters }) => [
    path === '' ? layer : `${path}: ${layer}`,
    outputShape === undefined ? '' : formatShape(outputShape),
    parameters === 0 ? '' : formatCount(parameters),
  ]);
  const all = [['layer', 'output', 'parameters'], ...rows];
  const widths = [0, 1, 2].map((i) => Math.max(...all.map((row) => row[i].length)));
  const lines = all.map(([layer, output, count]) =>
    `${layer.padEnd(widths[0])}  ${output.padEnd(widths[1])}  ${count.padStart(widths[2])}`.trimEnd(),
  );
  return [...lines, total].join('\n');
}
