import { lostValues } from '../core/tensor-text.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { leaseOf, storageOf, type Tensor } from '../core/tensor.js';
import { isFrozen } from './freeze.js';
import { descriptionOf, type LayerDescription, layerType } from './layer-description.js';
import { distinctTensors, hasMembers, type HasMembers, type Member, membersOf } from './members.js';
import type { NamedTensor } from '../module/module.js';
import { tensorsOf } from './compose/part.js';
import { summarize } from './summary.js';
import { unfrozenIds } from './trainable.js';

/** Maximum number of lines for layers; the other layers are counted. */
const maxLines = 1000;

/** Maximum number of tensors that a layer's line shows. */
const maxTensors = 4;

/** Maximum depth of the modules that are shown. */
const maxShownDepth = 50;

/**
 * A layer with a summary of each tensor, or a network with a line for each layer. Both include the number of
 * parameters and how many of them an optimizer would change.
 */
export function moduleText(module: HasMembers): string {
  const description = descriptionOf(module);
  const members = module[membersOf]();
  const network = isNetwork(description, members);
  const head = headline(layerType(module), description, network);
  if (network) return block(head, new NetworkLines(module).lines());
  const own = members.flatMap(({ key, tensor }): readonly NamedTensor[] =>
    tensor === undefined ? [] : [[key, tensor]],
  );
  const settings = joined(settingsText(description), frozenText(own));
  if (members.length === 0) return `${head}${inBraces(settings)}`;
  const lines = members.map(
    ({ key, value }) =>
      `${key} ${formatShape((value as Tensor<Shape>).shape)}: ${valuesText(value as Tensor<Shape>)}`,
  );
  const total = totalText(countParameters(distinct(module), trainableIds(module)));
  return block(head, [...(settings === '' ? [] : [settings]), ...lines, total]);
}

export function isNetwork({ isComposition }: LayerDescription, members: readonly Member[]): boolean {
  return isComposition === true || members.some(({ tensor }) => tensor === undefined);
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${lines.map((line) => `  ${line}\n`).join('')}}`;
}

/** For example `Conv2D(3, 16, 3)` or `LayerNorm([64])`. */
export function headline(type: string, { sizes = {} }: LayerDescription, network: boolean): string {
  if (network) return type;
  const list = Object.values(sizes).map((size) => (typeof size === 'number' ? size : formatShape(size)));
  return `${type}(${list.join(', ')})`;
}

function settingsText({ settings, details }: LayerDescription): string {
  return Object.entries({ ...settings, ...details })
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? formatShape(value as Shape) : String(value)}`)
    .join(', ');
}

/** Names the frozen tensors: `frozen` if all are, such as `frozen: scale, bias` if some are. */
function frozenText(tensors: readonly NamedTensor[]): string {
  const frozen = tensors.filter(([, tensor]) => isFrozen(tensor)).map(([name]) => name);
  if (frozen.length === 0) return '';
  return frozen.length === tensors.length ? 'frozen' : `frozen: ${frozen.join(', ')}`;
}

function joined(...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(', ');
}

function inBraces(text: string): string {
  return text === '' ? '' : ` { ${text} }`;
}

function valuesText(tensor: Tensor<Shape>): string {
  const lost = lostValues(leaseOf(tensor));
  return lost === undefined ? summarize(storageOf(tensor).values) : `(${lost})`;
}

export interface ParameterCount {
  readonly total: number;
  readonly trainable: number;
}

/** Number of values of these tensors, each tensor counted once. */
export function countParameters(
  tensors: readonly Tensor<Shape>[],
  trainable: ReadonlySet<number>,
): ParameterCount {
  let count = { total: 0, trainable: 0 };
  for (const { id, shape } of new Map(tensors.map((tensor) => [tensor.id, tensor])).values()) {
    const size = elementCount(shape);
    count = { total: count.total + size, trainable: count.trainable + (trainable.has(id) ? size : 0) };
  }
  return count;
}

// Printing must not throw, whatever a user's module does.

/** The parameters that an optimizer would update; none if the module's update() throws. */
function trainableIds(module: object): ReadonlySet<number> {
  try {
    return unfrozenIds(module);
  } catch {
    return new Set();
  }
}

/** The tensors of a module, without those of layers that cannot list theirs. */
function distinct(module: object): readonly Tensor<Shape>[] {
  try {
    return distinctTensors(module);
  } catch {
    return [];
  }
}

/** The tensors of a user's module; undefined if its parameters() does not return any. */
function listed(module: object): readonly NamedTensor[] | undefined {
  try {
    return tensorsOf(module);
  } catch {
    return undefined;
  }
}

export function totalText({ total, trainable }: ParameterCount): string {
  const parameters = `${formatCount(total)} parameter${total === 1 ? '' : 's'}`;
  if (trainable === total) return total === 0 ? parameters : `${parameters}, all trainable`;
  if (trainable === 0) return `${parameters}, none trainable`;
  return `${parameters}: ${formatCount(trainable)} trainable, ${formatCount(total - trainable)} not trainable`;
}

/** Formats `1,234,567`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

type Row = readonly [layer: string, tensors: string, parameters: string];

class NetworkLines {
  readonly #rows: Row[] = [];
  #left = 0;
  /** The path at which each layer occurs first. */
  readonly #paths = new Map<object, string>();
  readonly #trainable: ReadonlySet<number>;

  constructor(private readonly module: HasMembers) {
    this.#trainable = trainableIds(module);
    this.#paths.set(module, 'the module itself');
    this.#addMembers('', '', module, 1);
  }

  lines(): readonly string[] {
    const widths = [0, 1].map((i) => Math.max(...this.#rows.map((row) => row[i].length), 0));
    const lines = this.#rows.map(([layer, tensors, parameters]) =>
      `${layer.padEnd(widths[0])}  ${tensors.padEnd(widths[1])}  ${parameters}`.trimEnd(),
    );
    if (this.#left > 0) lines.push(`... and ${formatCount(this.#left)} more layers`);
    return [...lines, totalText(countParameters(distinct(this.module), this.#trainable))];
  }

  #addMembers(path: string, indent: string, module: HasMembers, depth: number): void {
    for (const member of module[membersOf]()) {
      const name = nameOf(member);
      if (member.tensor === undefined) {
        this.#addModule(path, indent, name, member.value, depth);
      } else {
        const tensors = [member.tensor];
        this.#add(`${indent}${name}: Tensor`, formatShape(member.tensor.shape), this.#countText(tensors));
      }
    }
  }

  #addModule(outside: string, indent: string, name: string, module: object, depth: number): void {
    const path = `${outside}${name}`;
    const known = this.#paths.get(module);
    if (known !== undefined) {
      this.#add(`${indent}${name}: ${layerType(module)} (shared with ${known})`, '', '');
      return;
    }
    this.#paths.set(module, path);
    const description = descriptionOf(module);
    const members = hasMembers(module) ? module[membersOf]() : [];
    const network = isNetwork(description, members);
    const head = headline(layerType(module), description, network);
    if (hasMembers(module) && network) {
      const deeper = depth === maxShownDepth ? ' { ... }' : '';
      this.#add(`${indent}${name}: ${head}${deeper}`, '', '');
      if (deeper !== '') return;
      this.#addMembers(`${path}.`, `${indent}${' '.repeat(name.length + 2)}`, module, depth + 1);
      return;
    }
    const { settings = {} } = description;
    const tensors = hasMembers(module)
      ? members.map(({ key, value }): NamedTensor => [key, value as Tensor<Shape>])
      : listed(module);
    this.#add(
      `${indent}${name}: ${head}${inBraces(joined(settingsText({ settings }), frozenText(tensors ?? [])))}`,
      tensors === undefined ? '(parameters() lists no tensors)' : shapesText(tensors),
      this.#countText((tensors ?? []).map(([, tensor]) => tensor)),
    );
  }

  #countText(tensors: readonly Tensor<Shape>[]): string {
    if (tensors.length === 0) return '';
    const { total, trainable } = countParameters(tensors, this.#trainable);
    if (trainable === total) return formatCount(total);
    return `${formatCount(total)} (${trainable === 0 ? 'not' : formatCount(trainable)} trainable)`;
  }

  #add(...row: Row): void {
    if (this.#rows.length < maxLines) this.#rows.push(row);
    else this.#left++;
  }
}

/** For example `norm`, `blocks[0]`; only the position for a layer of a Sequential. */
function nameOf({ key, place }: Member): string {
  return /^\d+$/.test(key) && place.endsWith(`[${key}]`) ? key : place;
}

function shapesText(tensors: readonly NamedTensor[]): string {
  const shown = tensors.slice(0, maxTensors).map(([name, { shape }]) => `${name} ${formatShape(shape)}`);
  const left = tensors.length - shown.length;
  return left === 0 ? shown.join(', ') : `${shown.join(', ')} and ${left} more`;
}
