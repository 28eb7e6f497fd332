import type { OwnedTape, Shape, Tensor } from 'batchnorm';
import type { ModelGraph, ModelNode } from './graph-model.js';

export type AnyTensor = Tensor<Shape> | Tensor<Shape, OwnedTape>;

/** A tensor and the model of its state. */
export interface Slot {
  readonly real: AnyTensor;
  readonly shape: Shape;
  readonly values: Float32Array;
  readonly graph: ModelGraph | undefined;
  readonly node: ModelNode;
  ended: boolean;
}

/** Plain JavaScript's view of a tensor. */
export type Loose = Record<string, (...args: unknown[]) => AnyTensor>;

export function nodeOf({ id, shape }: AnyTensor): ModelNode {
  return { id, shape };
}

export function endOf(slot: Slot): string | undefined {
  return slot.ended ? 'its memory was released' : undefined;
}

export function faultOf(slot: Slot): string | undefined {
  return slot.graph?.consumed === true ? 'its graph was consumed' : endOf(slot);
}

export function isUsable(slot: Slot): boolean {
  return faultOf(slot) === undefined;
}

export function imageFault(shape: Shape): string | undefined {
  const channels = shape.length === 3 ? shape[0] : shape.length === 4 ? shape[1] : undefined;
  return channels === 3 ? undefined : 'is not an image with three channels';
}
