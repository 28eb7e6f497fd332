import type { Shape } from '../../core/shape.js';
import type { NoneTape, Tape } from '../../core/tape.js';
import type { Tensor } from '../../core/tensor.js';

// How compositions find what runs in one pass over memory: a layer that can compute the ReLU behind it, and maybe a sum
// before that, together with its own result.

/**
 * What is added between the layer and the ReLU, asked for once all that comes before the layer has run.
 * @param like Of the shape of the layer's result.
 * @throws RangeError where what is to be added has another one.
 */
export type ResidualSource<T extends Tape> = (like: Tensor<Shape, Tape>) => Tensor<Shape, T>;

/** Name of the method that says whether the layer can run together with a ReLU, with a sum in between or without. */
export const canFuse: unique symbol = Symbol('canFuse');
/** Name of the method that computes relu(layer.forward(x) + residual). */
export const fusedForward: unique symbol = Symbol('fusedForward');
/** Name of the method that computes relu(layer.forwardMut(x) + residual). */
export const fusedForwardMut: unique symbol = Symbol('fusedForwardMut');
/** Name of the field with the methods of a class that its fused ones stand for. */
const separate: unique symbol = Symbol('separate');

interface Passes {
  readonly forward?: unknown;
  readonly forwardMut?: unknown;
}

/** A layer that can run together with what follows it. The results have the bits of the separate layers. */
export interface Fusable {
  [canFuse](adding: boolean): boolean;
  [fusedForward](x: unknown, residual: ResidualSource<NoneTape> | undefined): unknown;
  [fusedForwardMut](x: unknown, residual: ResidualSource<Tape> | undefined): unknown;
}

/** Notes what a class computes, so that it is known later whether an object still computes that: a derived class, or a
 * user, may have put another method in its place. Called in the class, behind `guardMethods`. */
export function notePasses(prototype: object): void {
  const { forward, forwardMut } = prototype as Passes;
  Object.defineProperty(prototype, separate, { value: { forward, forwardMut } });
}

/** Whether `forward` of a layer is the one that its class was defined with. */
export function infersAsDefined(layer: unknown): boolean {
  const passes = passesOf(layer);
  return passes !== undefined && passes.forward === (layer as Passes).forward;
}

/** The same for both passes. */
export function runsAsDefined(layer: unknown): boolean {
  const passes = passesOf(layer);
  const { forward, forwardMut } = layer as Passes;
  return passes !== undefined && passes.forward === forward && passes.forwardMut === forwardMut;
}

function passesOf(layer: unknown): Passes | undefined {
  return (layer as { readonly [separate]?: Passes } | undefined)?.[separate];
}

/** Whether a layer is of a class that can be fused; whether the layer can be, `fusable` says. */
export function mayFuse(layer: unknown): layer is Fusable {
  return (layer as Partial<Fusable> | undefined)?.[canFuse] !== undefined;
}

/** The layer, where it can run together with a ReLU behind it, with a sum in between where `adding`. */
export function fusable(layer: unknown, adding: boolean): Fusable | undefined {
  return mayFuse(layer) && runsAsDefined(layer) && layer[canFuse](adding) ? layer : undefined;
}
