import { readFileSync, writeFileSync } from 'node:fs';
import * as index from 'batchnorm';
import * as onnx from 'batchnorm/onnx';
import * as raw from 'batchnorm/raw';
import ts from 'typescript';
import type { Untyped } from '../../support/errors.js';
import {
  floats,
  gradients,
  opened,
  type Places,
  provider,
  readers,
  receivers,
  special,
} from './special-calls.js';
import type { Callable } from './surface.js';

const { Tensor } = index;

/** A valid call: its receiver and its arguments. */
export interface Example {
  readonly self: unknown;
  readonly args: readonly unknown[];
}

/** The exports of each module. */
const exports: Readonly<Record<Callable['module'], Record<string, unknown>>> = { index, raw, onnx };

const saved = new Map<unknown, Buffer>();

/** Candidates for arguments of a known type: the first one that the call accepts is used. */
interface World {
  /** Candidates for numbers as arguments and in options objects. */
  readonly number: number;
  readonly option: number;
  readonly shape: readonly number[];
  readonly taped: boolean;
}

const shapes = [[2, 3, 2, 2], [2, 3], [3], [], [3, 4, 4], [2, 3, 8, 8]];
const worlds: readonly World[] = [3, 1, 0.5].flatMap((number) =>
  [0.5, 1, 2].flatMap((option) =>
    shapes.flatMap((shape) => [false, true].map((taped) => ({ number, option, shape, taped }))),
  ),
);

/** Creates valid calls of the public API. */
export class Examples {
  readonly #worlds = new Map<string, World>();

  constructor(
    private readonly checker: ts.TypeChecker,
    private readonly callables: readonly Callable[],
    private readonly at: Places,
  ) {}

  /** A valid call with new objects. */
  async of(callable: Callable): Promise<Example> {
    const { name } = callable;
    if (name in special) {
      return { self: await this.#receiver(callable), args: await special[name](this.at) };
    }
    const known = this.#worlds.get(name);
    if (known !== undefined) return this.#make(callable, known);
    let failure: unknown;
    for (const world of worlds) {
      try {
        const { self, args } = await this.#make(callable, world);
        await invoke(callable, self, args);
        this.#worlds.set(name, world);
        return await this.#make(callable, world);
      } catch (error) {
        failure ??= error;
      }
    }
    throw new Error(`Found no valid call of ${name}. Add one to test/robustness/misuse/special-calls.ts`, {
      cause: failure,
    });
  }

  /** Closes the files that examples have opened. */
  close(): void {
    for (const reader of readers.splice(0)) reader.close();
  }

  async #make(callable: Callable, world: World): Promise<Example> {
    const self = await this.#receiver(callable);
    const args: unknown[] = [];
    for (const { name, types } of callable.parameters) {
      args.push(await this.#value(types[0], name, self, world));
    }
    // The method of a module: #path() makes an .npz file.
    if (callable.member === 'loadSafetensors' && self !== undefined) {
      args[0] = this.at('self.safetensors');
      await index.saveSafetensors(args[0] as string, self as index.CanUpdateWithGradients);
    }
    // No pattern matches a tensor of a module without any.
    if (['freeze', 'unfreeze'].includes(callable.member)) {
      const { length } = (self as index.CanUpdateWithGradients).parameters();
      args[0] = length === 0 ? undefined : /./;
    }
    return { self, args };
  }

  async #receiver({ kind, name, owner, module }: Callable): Promise<unknown> {
    if (kind === 'function' || kind === 'constructor') return undefined;
    const exported = exports[module];
    if (kind === 'static') return exported[owner];
    const make = receivers[name] ?? receivers[owner];
    if (make !== undefined) return make(this.at);
    const value = exported[owner] ?? exported[owner[0].toLowerCase() + owner.slice(1)];
    if (typeof value !== 'function') {
      if (value === undefined)
        throw new Error(`No ${owner} was found. Add one to test/robustness/misuse/special-calls.ts`);
      return value;
    }
    const constructor = this.callables.find(({ name }) => name === `new ${owner}`);
    if (constructor === undefined)
      throw new Error(`No ${owner} was found. Add one to test/robustness/misuse/special-calls.ts`);
    const { args } = await this.of(constructor);
    return Reflect.construct(value, args as unknown[]) as unknown;
  }

  async #value(type: ts.Type, name: string, self: unknown, world: World): Promise<unknown> {
    if (type.isUnion()) {
      const rest = type.types.filter(({ flags }) => !(flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)));
      const [first] = rest.filter(({ flags }) => flags & ts.TypeFlags.Number).concat(rest);
      return this.#value(first, name, self, world);
    }
    if (type.isIntersection()) return this.#value(type.types[0], name, self, world);
    if (type.isNumberLiteral() || type.isStringLiteral()) return type.value;
    const { flags } = type;
    if (flags & ts.TypeFlags.Number) return world.number;
    if (flags & ts.TypeFlags.String)
      return name === 'path' ? this.#path(self) : name === 'prefix' ? '' : 'name';
    if (flags & ts.TypeFlags.BooleanLike) return true;
    if (flags & ts.TypeFlags.TypeParameter) {
      const constraint = this.checker.getBaseConstraintOfType(type);
      if (constraint !== undefined) return this.#value(constraint, name, self, world);
    }
    if (flags & ts.TypeFlags.Object) return this.#object(type, name, self, world);
    return {};
  }

  async #object(type: ts.Type, name: string, self: unknown, world: World): Promise<unknown> {
    const { checker } = this;
    if (checker.isTupleType(type) || checker.isArrayType(type)) {
      const parts = checker.getTypeArguments(type as ts.TypeReference);
      return Promise.all(parts.map((part) => this.#value(part, name, self, world)));
    }
    if (type.getCallSignatures().length > 0) return () => 0.5;
    const className = type.symbol.name;
    if (className === 'Tensor') {
      const tensor = Tensor.ones(world.shape);
      return world.taped ? tensor.trace() : tensor;
    }
    if (className === 'NpzReader' && self !== undefined) {
      return opened(await this.#path(self));
    }
    if (className === 'Gradients') return gradients().found;
    if (className === 'GradientProvider') return provider();
    if (className.endsWith('Array')) return floats(6);
    if (type.symbol.flags & ts.SymbolFlags.Class) {
      const module = 'index';
      return this.#receiver({
        kind: 'method',
        owner: className,
        member: '',
        name: '',
        module,
        parameters: [],
      });
    }
    const members = checker.getPropertiesOfType(type);
    const entries: [string, unknown][] = [];
    for (const member of members) {
      const inside = { ...world, number: world.option };
      const value = await this.#value(checker.getTypeOfSymbol(member), member.name, self, inside);
      entries.push([member.name, value]);
    }
    return Object.fromEntries(entries);
  }

  /** A file with the tensors of `self`, if it has any. */
  async #path(self: unknown): Promise<string> {
    const path = this.at('self.npz');
    const { constructor } = self as object;
    const known = saved.get(constructor);
    if (known !== undefined) {
      writeFileSync(path, known);
    } else if (typeof (self as Partial<index.SaveToNpz>).write === 'function') {
      // Only once for each class, because writing waits for the disk.
      await index.saveNpz(path, self as index.SaveToNpz);
      saved.set(constructor, readFileSync(path));
    }
    return path;
  }
}

/** Calls, constructs or assigns; promises are returned. */
export function invoke(callable: Callable, self: unknown, args: readonly unknown[]): unknown {
  const { kind, member, name, module } = callable;
  const exported = exports[module];
  switch (kind) {
    case 'function':
      return (exported[name] as Untyped)(...args);
    case 'constructor':
      return Reflect.construct(exported[member] as new () => unknown, args as unknown[]);
    case 'setter':
      (self as Record<string, unknown>)[member] = args[0];
      return undefined;
    default:
      return ((self as Record<string, unknown>)[member] as Untyped).apply(self, args as unknown[]);
  }
}
