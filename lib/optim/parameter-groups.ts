import {
  requireBoolean,
  requireNonNegative,
  requireOptions,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { type CanUpdateWithGradients, readParameters } from '../module/module.js';
import { isMatch, matchText, type ParameterMatch, readMatch } from '../module/parameter-match.js';
import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';

/** The options of a group that every optimizer has. */
export interface ParameterGroup {
  /** The parameters of the group that belong to no earlier one. */
  readonly match: ParameterMatch;
  /** Learning rate while the optimizer's `lr` has its initial value; a change of `lr` scales it in proportion. */
  readonly lr?: number;
  /** Whether the optimizer leaves these parameters alone; they need no gradient then. Default false. */
  readonly freeze?: boolean;
}

/** Numbers that a step needs, beside the learning rate. They are compared when a state is loaded. */
export type StepSettings = Readonly<Record<string, number | boolean>>;

/** How an optimizer updates the parameters of a group, or those outside all groups. */
export interface GroupRule<S extends StepSettings> {
  readonly settings: S;
  /** The group's learning rate divided by the optimizer's. */
  readonly lrFactor: number;
  readonly freeze: boolean;
}

interface Group<S extends StepSettings> extends GroupRule<S> {
  readonly match: ParameterMatch;
}

/** The group of each parameter of a module: an index, or -1 outside all groups. */
interface Assignment {
  readonly parameters: readonly Tensor<Shape>[];
  readonly groups: readonly number[];
}

/** Name of the property of the package's optimizers with their groups. */
export const groupsOf: unique symbol = Symbol('groupsOf');

/** An optimizer whose groups are known. */
export interface HasGroups {
  readonly [groupsOf]?: ParameterGroups<StepSettings>;
}

type Options = Readonly<Record<string, unknown>>;

/** The settings of an optimizer and of its groups. */
export class ParameterGroups<S extends StepSettings> {
  /** Outside all groups. */
  readonly base: GroupRule<S>;
  readonly groups: readonly Group<S>[];
  readonly #assignments = new WeakMap<object, Assignment>();

  /**
   * @param given The options of the optimizer.
   * @param lr Its first learning rate.
   * @param names The options that a group may override, `lr` excluded.
   * @param read Reads these options; `at` precedes each name in messages.
   */
  constructor(given: Options, lr: number, names: readonly string[], read: (given: Options, at: string) => S) {
    this.base = { settings: read(given, ''), lrFactor: 1, freeze: false };
    const { groups = [] } = given;
    if (!Array.isArray(groups)) throw wrongType('groups', 'an array of groups', groups);
    this.groups = (groups as readonly unknown[]).map((group, i) => {
      const at = `groups[${i}]`;
      const own = requireOptions(at, group, ['match', 'freeze', 'lr', ...names]);
      const match = readMatch(`${at}.match`, own.match);
      const freeze = own.freeze === undefined ? false : requireBoolean(`${at}.freeze`, own.freeze);
      const overridden = [...names, 'lr'].filter((name) => own[name] !== undefined);
      if (freeze && overridden.length > 0) {
        throw wrongValue(at, 'no other options beside freeze: true', overridden.join(', '));
      }
      const merged = { ...given, ...Object.fromEntries(overridden.map((name) => [name, own[name]])) };
      return { match, freeze, settings: read(merged, `${at}.`), lrFactor: readFactor(at, own.lr, lr) };
    });
  }

  /** All rules, the one outside the groups included. */
  get rules(): readonly GroupRule<S>[] {
    return [this.base, ...this.groups];
  }

  /**
   * The rules of the parameters in groups, by id.
   * @throws RangeError for a group that matches none of the parameters.
   */
  rulesOf(
    module: CanUpdateWithGradients,
    parameters: readonly Tensor<Shape>[],
  ): ReadonlyMap<number, GroupRule<S>> {
    const rules = new Map<number, GroupRule<S>>();
    if (this.groups.length === 0) return rules;
    for (const [i, group] of this.indicesOf(module, parameters).entries()) {
      if (group >= 0) rules.set(parameters[i].id, this.groups[group]);
    }
    return rules;
  }

  /** The parameters that are not frozen. */
  trained(module: CanUpdateWithGradients, parameters: readonly Tensor<Shape>[]): readonly Tensor<Shape>[] {
    const rules = this.rulesOf(module, parameters);
    return parameters.filter(({ id }) => rules.get(id)?.freeze !== true);
  }

  /** The index of the group of each parameter; -1 outside all groups. */
  indicesOf(module: CanUpdateWithGradients, parameters: readonly Tensor<Shape>[]): readonly number[] {
    const known = this.#assignments.get(module);
    if (known !== undefined && sameElements(known.parameters, parameters)) return known.groups;
    const groups = this.#assign(module, parameters);
    this.#assignments.set(module, { parameters, groups });
    return groups;
  }

  #assign(module: CanUpdateWithGradients, parameters: readonly Tensor<Shape>[]): readonly number[] {
    /** A tensor that several layers share has several names. */
    const names = new Map<number, string[]>(parameters.map(({ id }) => [id, []]));
    for (const [name, { id }] of readParameters('module', module)) names.get(id)?.push(name);
    const matching = this.groups.map(({ match }, i) => {
      const fits = parameters.map((parameter) =>
        (names.get(parameter.id) ?? []).some((name) =>
          isMatch(match, name, parameter, `match() of groups[${i}]`),
        ),
      );
      if (!fits.includes(true)) {
        const [first = []] = names.values();
        throw wrongValue(
          `groups[${i}].match`,
          'a pattern that matches a parameter of the module',
          `${matchText(match)}, which matches none of ${parameters.length}, such as ${first.join(', ') || 'one without a name'}`,
        );
      }
      return fits;
    });
    return parameters.map((_, parameter) => matching.findIndex((fits) => fits[parameter]));
  }
}

function readFactor(at: string, given: unknown, lr: number): number {
  if (given === undefined) return 1;
  const own = requireNonNegative(`${at}.lr`, given);
  if (lr === 0) {
    throw wrongValue('lr', `a positive number beside ${at}.lr, which changes in proportion to it`, '0');
  }
  return own / lr;
}

function sameElements(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
