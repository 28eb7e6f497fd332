import type { Shape } from '../../core/shape.js';
import type { OwnedTape } from '../../core/tape.js';
import type { Tensor } from '../../core/tensor.js';
import type { RandomSource } from '../../core/random-source.js';
import { BaseModule } from '../../nn/base-module.js';
import { notePasses } from '../../nn/compose/fusion.js';
import { trainWhole } from '../../nn/compose/intermediates.js';
import { type Member, membersOf } from '../../nn/members.js';
import type { ModuleJson } from '../../nn/module-json.js';
import { requireTaped, requireUntaped } from '../../nn/mode.js';
import { foldLayers, type FoldsItself } from '../../nn/norm/fold.js';
import type { Layer } from '../../nn/shape-rule.js';
import { requireRecord, typeError, wrongValue } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import type { AnyTensor } from '../values.js';
import { foldPlan } from './fold-plan.js';
import type { Plan } from './plan.js';
import { runPlan } from './run-plan.js';

/**
 * A network from an ONNX file. It infers with `forward`, trains with `forwardMut`, and is used like any other module.
 *
 * Convolutions, norms, dropout and products with a constant matrix are layers of the package, in `layers`; the other
 * operators run as operations. Parameters have the names of the file: `conv1.weight`.
 */
export class OnnxModel extends BaseModule implements FoldsItself {
  /** @internal */
  static readonly type = 'OnnxModel';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** The layers in the order in which they run. An element may be replaced, for example by its frozen copy. */
  readonly layers: Layer[];
  /** Learned tensors that belong to no layer, such as the operand of an addition. */
  readonly tensors: readonly Tensor<Shape>[];
  /** Tensors that are not learned. */
  readonly constants: readonly Tensor<Shape>[];
  /** @internal */
  readonly plan: Plan;

  /** @internal */
  constructor(
    plan: Plan,
    layers: readonly Layer[],
    tensors: readonly Tensor<Shape>[],
    constants: readonly Tensor<Shape>[],
  ) {
    super();
    this.layers = [...layers];
    this.tensors = tensors;
    this.constants = constants;
    this.plan = plan;
  }

  /** Names of the inputs, in the order in which `forward` takes them. */
  get inputNames(): readonly string[] {
    return this.plan.inputs.map(({ name }) => name);
  }

  /** Names of the outputs. */
  get outputNames(): readonly string[] {
    return this.plan.outputs.map(({ name }) => name);
  }

  /**
   * Inference of a network with one input and one output.
   * @param x The input, without a tape.
   * @returns The output.
   * @throws TypeError for a tensor with a tape, and for a network with other inputs or outputs: see `run`. RangeError for a
   * wrong shape.
   */
  forward(x: Tensor<Shape>): Tensor<Shape> {
    requireSingle(this, 'forward', 'run');
    return runPlan(this, [requireUntaped('x', x)])[0] as Tensor<Shape>;
  }

  /**
   * Training of a network with one input and one output: batch norms use the statistics of the batch, and dropout drops.
   * @param x The input, with a tape.
   * @returns The output, with the same tape.
   * @throws TypeError for a tensor without a tape, and for a network with other inputs or outputs: see `runMut`. RangeError for
   * a wrong shape. No running statistics have changed then.
   */
  forwardMut(x: Tensor<Shape, OwnedTape>): Tensor<Shape, OwnedTape> {
    requireSingle(this, 'forwardMut', 'runMut');
    const input = requireTaped('x', x);
    return trainWhole(this, [input], () => runPlan(this, [input])[0]) as Tensor<Shape, OwnedTape>;
  }

  /**
   * Inference of a network with any number of inputs and outputs.
   * @param inputs A tensor without a tape for each input, by name. Integers are whole numbers.
   * @returns The outputs by name.
   * @throws TypeError or RangeError for a missing, unknown or wrong input.
   */
  run(inputs: Readonly<Record<string, Tensor<Shape>>>): Record<string, Tensor<Shape>> {
    return byName(this, runPlan(this, inputsOf(this, inputs, requireUntaped))) as Record<
      string,
      Tensor<Shape>
    >;
  }

  /**
   * Training of a network with any number of inputs and outputs.
   * @param inputs A tensor with a tape for each input, by name.
   * @returns The outputs by name, with the tape.
   * @throws TypeError or RangeError for a missing, unknown or wrong input. No running statistics have changed then.
   */
  runMut(
    inputs: Readonly<Record<string, Tensor<Shape, OwnedTape>>>,
  ): Record<string, Tensor<Shape, OwnedTape>> {
    const values = inputsOf(this, inputs, requireTaped);
    const outputs = trainWhole(this, values, () => runPlan(this, values));
    return byName(this, outputs) as Record<string, Tensor<Shape, OwnedTape>>;
  }

  /** Draws new parameters for every layer, in place. Other tensors keep their values. */
  protected override initialize(_rng: RandomSource): void {
    // An operand of an addition or a product has no known distribution.
  }

  /** The constants. */
  protected override buffers(): readonly string[] {
    return ['constants'];
  }

  /** @throws TypeError: save the parameters with `save`, or the network with `exportOnnx`. */
  override toJSON(): ModuleJson {
    throw typeError(
      'ERR_BATCHNORM_NOT_SERIALIZABLE',
      'Expected a module that JSON can describe, but this one came from an ONNX file. Use exportOnnx() instead',
    );
  }

  /** Copies the network for inference; each convolution or `Linear` with the batch norm after it becomes one layer. */
  [foldLayers](
    foldPair: (layer: Layer, next: Layer) => Layer | undefined,
    copy: (layer: Layer) => Layer,
  ): Layer {
    const { plan, layers } = foldPlan(this.plan, this.layers, foldPair, copy);
    const tensors = this.tensors.map((tensor) => tensor.clone());
    return new OnnxModel(
      plan,
      layers,
      tensors,
      this.constants.map((tensor) => tensor.clone()),
    );
  }

  /** @internal Named as in the file. */
  override [membersOf](): readonly Member[] {
    const { layerNames, parameterNames, constantNames } = this.plan;
    const names: Readonly<Record<string, readonly string[]>> = {
      layers: layerNames,
      tensors: parameterNames,
      constants: constantNames,
    };
    const counts: Record<string, number> = {};
    return super[membersOf]().map((member) => {
      const index = (counts[member.field] = (counts[member.field] ?? -1) + 1);
      return { ...member, key: names[member.field]?.[index] ?? member.key };
    });
  }
}

// Functions, because private methods do not exist in clones, which are made without the constructor.

function requireSingle({ plan: { inputs, outputs } }: OnnxModel, method: string, instead: string): void {
  if (inputs.length === 1 && outputs.length === 1) return;
  throw typeError(
    'ERR_BATCHNORM_TYPE',
    `Expected a network with one input and one output for ${method}() but it has ${inputs.length} and ${outputs.length}: use ${instead}()`,
  );
}

function inputsOf<T extends AnyTensor>(
  { inputNames: names }: OnnxModel,
  inputs: Readonly<Record<string, unknown>>,
  check: (argument: string, value: unknown) => T,
): readonly T[] {
  const given = requireRecord('inputs', inputs, 'an object with a tensor for each input');
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw wrongValue('inputs', `the names ${names.join(', ')}`, JSON.stringify(unknown));
  }
  return names.map((name) => check(name, Object.hasOwn(given, name) ? given[name] : undefined));
}

function byName({ outputNames }: OnnxModel, outputs: readonly AnyTensor[]): Record<string, AnyTensor> {
  return Object.fromEntries(outputNames.map((name, i) => [name, outputs[i]]));
}
