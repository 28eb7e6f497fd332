import { lostValues } from '../core/tensor-text.js';
import { offeredParameters } from '../optim/optimizer.js';
import { elementCount, formatShape } from '../core/shape.js';
import { leaseOf, storageOf } from '../core/tensor.js';
import {
  describeLayer,
  type Described,
  descriptionOf,
  type LayerDescription,
  layerType,
} from './layer-description.js';
import type { CanUpdateWithGradients, NamedTensor } from './module.js';
import type { Part } from './compose/part.js';
import { summarize } from './summary.js';

/** Lines for layers; the others are counted. */
const maxLines = 1000;

/** Tensors of one layer that a line of a network shows. */
const maxTensors = 4;

type DescribedModule = Described & Partial<CanUpdateWithGradients>;

/**
 * A layer with a summary of each tensor, or a network with a line for each layer; both with how many parameters
 * there are, and how many of them an optimizer would change.
 */
export function moduleText(module: DescribedModule): string {
  const description = module[describeLayer]();
  const isNetwork = description.layers !== undefined || description.parts !== undefined;
  const tensors = module.parameters?.() ?? [];
  const head = headline(layerType(module), description);
  if (isNetwork) return block(head, new NetworkLines(module, description).lines());
  if (tensors.length === 0) return `${head}${inBraces(settingsText(description))}`;
  const settings = settingsText(description);
  const lines = tensors.map(
    ([name, tensor]) => `${name} ${formatShape(tensor.shape)}: ${valuesText(tensor)}`,
  );
  const total = totalText(countParameters(tensors, trainableIds(module)));
  return block(head, [...(settings === '' ? [] : [settings]), ...lines, total]);
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${lines.map((line) => `  ${line}\n`).join('')}}`;
}

/** `Conv2D(3, 16, 3)`; compositions have no arguments to show. */
function headline(type: string, { sizes, layers, parts }: LayerDescription): string {
  if (layers !== undefined || parts !== undefined) return type;
  return `${type}(${Object.values(sizes ?? {}).join(', ')})`;
}

function settingsText({ settings, details }: LayerDescription): string {
  return Object.entries({ ...settings, ...details })
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join(', ');
}

function inBraces(text: string): string {
  return text === '' ? '' : ` { ${text} }`;
}

function valuesText(tensor: NamedTensor[1]): string {
  const lost = lostValues(leaseOf(tensor));
  return lost === undefined ? summarize(storageOf(tensor).values) : `(${lost})`;
}

interface ParameterCount {
  readonly total: number;
  readonly trainable: number;
}

/** Values of these tensors, each counted once. */
function countParameters(tensors: readonly NamedTensor[], trainable: ReadonlySet<number>): ParameterCount {
  const sizes = new Map(tensors.map(([, { id, shape }]) => [id, elementCount(shape)]));
  let count = { total: 0, trainable: 0 };
  for (const [id, size] of sizes) {
    const { total } = count;
    count = { total: total + size, trainable: count.trainable + (trainable.has(id) ? size : 0) };
  }
  return count;
}

/** The parameters that an optimizer would be offered. None of a module whose update() throws: printing must not. */
function trainableIds(module: Partial<CanUpdateWithGradients>): ReadonlySet<number> {
  try {
    const offered = offeredParameters(module as CanUpdateWithGradients);
    return new Set(offered.map(({ id }) => id));
  } catch {
    return new Set();
  }
}

function totalText({ total, trainable }: ParameterCount): string {
  const parameters = `${number(total)} parameter${total === 1 ? '' : 's'}`;
  if (trainable === total) return total === 0 ? parameters : `${parameters}, all trainable`;
  if (trainable === 0) return `${parameters}, none trainable`;
  return `${parameters}: ${number(trainable)} trainable, ${number(total - trainable)} not trainable`;
}

/** `1,234,567` */
function number(value: number): string {
  return value.toLocaleString('en-US');
}

type Row = readonly [layer: string, tensors: string, parameters: string];

class NetworkLines {
  readonly #rows: Row[] = [];
  #left = 0;
  /** Where each layer is first. */
  readonly #paths = new Map<unknown, string>();
  readonly #trainable: ReadonlySet<number>;

  constructor(
    private readonly module: DescribedModule,
    description: LayerDescription,
  ) {
    this.#trainable = trainableIds(module);
    this.#addLayers('', '', description);
  }

  lines(): readonly string[] {
    const widths = [0, 1].map((i) => Math.max(...this.#rows.map((row) => row[i].length), 0));
    const lines = this.#rows.map(([layer, tensors, parameters]) =>
      `${layer.padEnd(widths[0])}  ${tensors.padEnd(widths[1])}  ${parameters}`.trimEnd(),
    );
    if (this.#left > 0) lines.push(`... and ${number(this.#left)} more layers`);
    const tensors = this.module.parameters?.() ?? [];
    return [...lines, totalText(countParameters(tensors, this.#trainable))];
  }

  #addLayers(path: string, indent: string, { layers, parts }: LayerDescription): void {
    const entries = layers === undefined ? Object.entries(parts ?? {}) : layers.entries();
    for (const [name, layer] of entries) this.#addLayer(path, indent, String(name), layer as object);
  }

  #addLayer(outside: string, indent: string, name: string, layer: object): void {
    const path = `${outside}${name}`;
    const known = this.#paths.get(layer);
    if (known !== undefined) {
      this.#add(`${indent}${name}: ${layerType(layer)} (shared with ${known})`, '', '');
      return;
    }
    this.#paths.set(layer, path);
    const description = descriptionOf(layer);
    const head = headline(layerType(layer), description);
    if (description.layers !== undefined || description.parts !== undefined) {
      this.#add(`${indent}${name}: ${head}`, '', '');
      this.#addLayers(`${path}.`, `${indent}${' '.repeat(name.length + 2)}`, description);
      return;
    }
    const { settings = {} } = description;
    const tensors = (layer as Part).parameters?.() ?? [];
    this.#add(
      `${indent}${name}: ${head}${inBraces(settingsText({ settings }))}`,
      shapesText(tensors),
      this.#countText(tensors),
    );
  }

  #countText(tensors: readonly NamedTensor[]): string {
    if (tensors.length === 0) return '';
    const { total, trainable } = countParameters(tensors, this.#trainable);
    if (trainable === total) return number(total);
    return `${number(total)} (${trainable === 0 ? 'not' : number(trainable)} trainable)`;
  }

  #add(...row: Row): void {
    if (this.#rows.length < maxLines) this.#rows.push(row);
    else this.#left++;
  }
}

function shapesText(tensors: readonly NamedTensor[]): string {
  const shown = tensors.slice(0, maxTensors).map(([name, { shape }]) => `${name} ${formatShape(shape)}`);
  const left = tensors.length - shown.length;
  return left === 0 ? shown.join(', ') : `${shown.join(', ')} and ${left} more`;
}
