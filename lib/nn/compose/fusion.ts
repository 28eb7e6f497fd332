import type { Shape } from '../../core/shape.js';
import type { NoneTape, Tape } from '../../core/tape.js';
import type { Tensor } from '../../core/tensor.js';

// Lets compositions find layers that run in one pass over memory: a layer that can compute the ReLU after it,
// and possibly a sum before that ReLU, together with its own result.

/**
 * Returns the tensor to add between the layer and the ReLU. Called after everything before the layer has run.
 * @param like A tensor of the shape of the layer's result.
 * @throws RangeError if the tensor to add has another shape.
 */
export type ResidualSource<T extends Tape> = (like: Tensor<Shape, Tape>) => Tensor<Shape, T>;

/**
 * Name of the method that returns whether the layer can be fused with a ReLU, with or without a sum in
 * between.
 */
export const canFuse: unique symbol = Symbol('canFuse');
/** Name of the method that computes relu(layer.forward(x) + residual). */
export const fusedForward: unique symbol = Symbol('fusedForward');
/** Name of the method that computes relu(layer.forwardMut(x) + residual). */
export const fusedForwardMut: unique symbol = Symbol('fusedForwardMut');
/** Name of the field with the methods that the fused ones of the class replace. */
const separate: unique symbol = Symbol('separate');

interface Passes {
  readonly forward?: unknown;
  readonly forwardMut?: unknown;
}

/**
 * A layer that can be fused with the operations after it. The results are bit-identical to the separate layers'.
 */
export interface Fusable {
  [canFuse](adding: boolean): boolean;
  [fusedForward](x: unknown, residual: ResidualSource<NoneTape> | undefined): unknown;
  [fusedForwardMut](x: unknown, residual: ResidualSource<Tape> | undefined): unknown;
}

/**
 * Records the methods of a class, so that `runsAsDefined` can tell whether an object still has them: a
 * derived class, or a user, may have replaced them. Called in the class, after `guardMethods`.
 */
export function notePasses(prototype: object): void {
  const { forward, forwardMut } = prototype as Passes;
  Object.defineProperty(prototype, separate, { value: { forward, forwardMut } });
}

/** Whether a layer's `forward` is the one that its class defines. */
export function infersAsDefined(layer: unknown): boolean {
  const passes = passesOf(layer);
  return passes !== undefined && passes.forward === (layer as Passes).forward;
}

/** Whether a layer's `forward` and `forwardMut` are the ones that its class defines. */
export function runsAsDefined(layer: unknown): boolean {
  const passes = passesOf(layer);
  const { forward, forwardMut } = layer as Passes;
  return passes !== undefined && passes.forward === forward && passes.forwardMut === forwardMut;
}

function passesOf(layer: unknown): Passes | undefined {
  return (layer as { readonly [separate]?: Passes } | undefined)?.[separate];
}

/** Whether the class of a layer can be fused; `fusable` tells whether the layer can be. */
export function mayFuse(layer: unknown): layer is Fusable {
  return (layer as Partial<Fusable> | undefined)?.[canFuse] !== undefined;
}

/**
 * Returns the layer if it can be fused with a ReLU after it and, if `adding`, with a sum in between; else
 * undefined.
 */
export function fusable(layer: unknown, adding: boolean): Fusable | undefined {
  return mayFuse(layer) && runsAsDefined(layer) && layer[canFuse](adding) ? layer : undefined;
}
