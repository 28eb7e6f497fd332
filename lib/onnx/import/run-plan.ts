import { leasesStarted } from '../../core/lease.js';
import { isTaped, isTensor, type Tensor } from '../../core/tensor.js';
import type { Shape } from '../../core/shape.js';
import { releaseIntermediate } from '../../nn/compose/intermediates.js';
import { infer, runPart, train } from '../../nn/compose/part.js';
import type { Layer } from '../../nn/shape-rule.js';
import { wrongType } from '../../validation/errors.js';
import { Call } from '../operators/operator.js';
import { type AnyTensor, isIntegers, type Value } from '../values.js';
import { NodePart } from './node-part.js';
import type { Plan, Step } from './plan.js';

/** A model with a plan and the tensors and layers that the plan uses. */
interface Runnable {
  readonly plan: Plan;
  readonly layers: readonly Layer[];
  readonly tensors: readonly Tensor<Shape>[];
  readonly constants: readonly Tensor<Shape>[];
}

/**
 * Runs a model. Layers train if their input has a tape.
 * @param inputs In the order of the plan's inputs.
 * @returns The outputs in their order, which share no memory management with inputs and parameters.
 */
export function runPlan(model: Runnable, inputs: readonly AnyTensor[]): readonly AnyTensor[] {
  const { plan } = model;
  const values = Array<Value | undefined>(plan.values).fill(undefined);
  plan.inputs.forEach(({ value }, i) => (values[value] = inputs[i]));
  [...model.tensors, ...model.constants].forEach((tensor, i) => (values[plan.tensors[i]] = tensor));
  for (const { value, integers } of plan.integers) values[value] = integers;
  const since = leasesStarted();
  try {
    plan.steps.forEach((step, i) => {
      runStep(model, step, values);
      for (const value of plan.unused[i]) release(values, value, since);
    });
    const borrowed = new Set<AnyTensor>([...inputs, ...model.tensors, ...model.constants]);
    return plan.outputs.map(({ name, value }) => {
      const output = values[value];
      if (output === undefined) throw wrongType(`the output ${name}`, 'a tensor', output);
      if (isIntegers(output)) throw wrongType(`the output ${name}`, 'a tensor of floats', output.numbers);
      // The caller may dispose of a result, which must not be an input or a parameter.
      return isTaped(output) || !borrowed.has(output) ? output : output.detach();
    });
  } catch (error) {
    for (const value of values.keys()) release(values, value, since);
    throw error;
  }
}

function runStep(model: Runnable, step: Step, values: (Value | undefined)[]): void {
  const layer = model.layers[step.layer] as Layer | undefined;
  const apply = (x: AnyTensor) => (isTaped(x) ? train(layer, x) : infer(layer, x)) as AnyTensor;
  const call = new Call(
    step.operator,
    step.inputs.map((value) => (value < 0 ? undefined : values[value])),
    apply,
  );
  const key = layer === undefined ? step.name : model.plan.layerNames[step.layer];
  const result = runPart(model, key, layer ?? new NodePart(step.operator), () => step.compute(call));
  const outputs = isValue(result) ? [result] : result;
  step.outputs.forEach((value, i) => {
    if (value >= 0) values[value] = outputs[i];
  });
}

function isValue(result: Value | readonly Value[]): result is Value {
  return !Array.isArray(result);
}

/** Frees a value that nobody reads any more, unless another value is the same tensor. */
function release(values: (Value | undefined)[], value: number, since: number): void {
  const tensor = values[value];
  values[value] = undefined;
  if (tensor === undefined || !isTensor(tensor) || isTaped(tensor)) return;
  if (!values.includes(tensor)) releaseIntermediate(tensor, undefined, since);
}
