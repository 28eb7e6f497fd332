import { missingMethod } from '../validation/errors.js';
import { type JsonNumber, requireJsonRoom, toJsonNumbers } from '../json/json-numbers.js';
import { elementCount } from '../core/shape.js';
import { storageOf } from '../core/tensor.js';
import {
  describeLayer,
  type Described,
  type LayerDescription,
  layerType,
  packageType,
} from './layer-description.js';
import type { NamedTensor } from './module.js';
import { namedTensors } from './compose/part.js';

/**
 * What `JSON.stringify` makes of a module. Further fields are its settings by their names, its tensors row-major as
 * flat arrays, and the layers inside. JSON has no NaN, no infinities and no -0: they are strings.
 */
export interface ModuleJson {
  /** Name of the class: `Linear`, `Sequential`. */
  readonly type: string;
}

/** Stands for a layer that occurs twice: `path` leads to the first occurrence, such as `layers[0].f`. */
export const sharedType = 'Shared';

interface DescribedModule extends Described {
  parameters?(): readonly NamedTensor[];
}

/** All of a module of the package, or of a class derived from one. */
export function moduleJson(module: DescribedModule): ModuleJson {
  const tensors = module.parameters?.() ?? [];
  requireJsonRoom(tensors.reduce((sum, [, { shape }]) => sum + elementCount(shape), 0));
  return new Writer().module('', module);
}

class Writer {
  /** Where each layer is first. */
  readonly #paths = new Map<unknown, string>();

  /** @param path What names of layers inside begin with. */
  module(path: string, module: DescribedModule): ModuleJson {
    const description = module[describeLayer]();
    requireOnlyParts(module, description);
    const own: ModuleJson = { type: layerType(module), ...settingsOf(description) };
    return { ...own, ...this.#partsOf(path, description), ...tensorsOf(module, description) };
  }

  #partsOf(path: string, { layers, parts = {} }: LayerDescription): Record<string, unknown> {
    const entries = Object.entries(parts).map(([name, each]) => [name, this.#part(`${path}${name}`, each)]);
    const written = Object.fromEntries(entries) as Record<string, unknown>;
    if (layers === undefined) return written;
    return { layers: layers.map((each, i) => this.#part(`${path}layers[${i}]`, each)) };
  }

  #part(path: string, layer: unknown): object {
    const known = this.#paths.get(layer);
    if (known !== undefined) return { type: sharedType, path: known };
    this.#paths.set(layer, path);
    const part = layer as DescribedModule & { toJSON?(): object };
    if (packageType(part) !== undefined) return this.module(`${path}.`, part);
    if (typeof part.toJSON === 'function') return part.toJSON();
    if (namedTensors(path, layer).length > 0) {
      throw missingMethod('toJSON', path, ', which has parameters, but it has none');
    }
    return { type: layerType(part) };
  }
}

/** A class derived from a composition may have tensors of its own, of which nothing is known here. */
function requireOnlyParts(module: DescribedModule, { layers, parts }: LayerDescription): void {
  if (packageType(module) !== undefined || (layers === undefined && parts === undefined)) return;
  const inside = [...(layers ?? []), ...Object.values(parts ?? {})];
  const known = new Set(inside.flatMap((each) => namedTensors('', each)).map(([, { id }]) => id));
  const tensors = module.parameters?.() ?? [];
  if (tensors.every(([, { id }]) => known.has(id))) return;
  throw missingMethod('toJSON', layerType(module), ' for its own tensors, but it is inherited');
}

function settingsOf({ sizes, settings, details }: LayerDescription): Record<string, unknown> {
  return { ...sizes, ...settings, ...details };
}

/** Those of the layer itself; a composition has none but its layers'. */
function tensorsOf(
  module: DescribedModule,
  { layers, parts }: LayerDescription,
): Record<string, readonly JsonNumber[]> {
  if (layers !== undefined || parts !== undefined) return {};
  const tensors = module.parameters?.() ?? [];
  return Object.fromEntries(tensors.map(([name, tensor]) => [name, toJsonNumbers(storageOf(tensor).values)]));
}
